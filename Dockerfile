# The app for several users, on CPUs: docs/deploy.md says how to run it.
FROM python:3.11-slim

# OpenCV's shared libraries, of the Debian that the image is.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt ./
# TORCH_INDEX: PyTorch's index of CPU builds. Without it the package index's builds are taken, which bring CUDA along.
ARG TORCH_INDEX=""
RUN pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.txt

COPY app.py ./
COPY .streamlit .streamlit
COPY assets assets
COPY pages pages
COPY ui ui
COPY xssab_core xssab_core

# The store holds weights, calibrations and caches. A volume there keeps them; a new one begins with the model below.
# XSSAB_FIXED_MODELS: what all users share is not changed by one of them.
ENV XSSAB_HOME=/data XSSAB_FIXED_MODELS=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --no-create-home xssab && mkdir /data && chown xssab /data
USER 10001
RUN ["python", "-m", "xssab_core", "models", "fetch", "sface"]
VOLUME /data

ENV STREAMLIT_SERVER_ADDRESS=0.0.0.0
EXPOSE 8501
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import os, urllib.request as r; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); r.urlopen('http://127.0.0.1:8501/' + (base + '/' if base else '') + '_stcore/health', timeout=5)"]
CMD ["python", "-m", "streamlit", "run", "app.py"]
