"""Vector pictures, drawn without a browser."""
