// What Streamlit hands a component, and what Python sends each of them as data.

interface Component<Data> {
  data: Data;
  parentElement: ParentNode;
  /** Kept until it is set again. */
  setStateValue(name: string, value: unknown): void;
  /** Told once, to the run that follows. */
  setTriggerValue(name: string, value: unknown): void;
}

interface Point {
  x: number;
  y: number;
}

interface GalleryData {
  cards: Card[];
  page: number;
  pages: number;
  range: string;
  hint: string;
}

interface Card {
  id: number | string;
  title: string;
  faces: Face[];
  outcome: string;
  tone: "none" | "error" | "right";
  numbers: string;
  label: string;
  places: { title: string; href: string }[];
  doubt: string;
  /** What other models make of the pair. */
  beside: string[];
  /** Whether it is on the sheet; null where there is no sheet. */
  chosen: boolean | null;
}

interface Face {
  name: string;
  alt: string;
  /** A data URL; "" where the photograph is missing. */
  picture: string;
  /** The `d` of an SVG path in pixels of the crop, around its patches. */
  outline: string | null;
  /** Side of the crop, in pixels. */
  size: number;
}

interface IntakeData {
  sides: IntakeSide[];
  /** What may be chosen, as an input's accept. */
  suffixes: string;
}

interface IntakeSide {
  title: string;
  /** The key of the field that takes its file; "" where it has none. */
  field: string;
  /** Whether a photograph of it is kept. */
  filled: boolean;
  /** What of it the page keeps, by tickets: another text once it took another. */
  holds: string;
  several: boolean;
}

interface PickerData {
  photo: string;
  /** Shown first, and what else of the photograph can be shown. */
  views: PhotoView[];
  width: number;
  height: number;
  points: [number, number][];
  names: string[];
}

/** A region of the photograph, in its pixels. */
interface PhotoView {
  picture: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

interface ViewerData {
  rows: MapRow[];
  legend: Ends<string>;
  /** One tile of each row is large, and rows stand beside each other. */
  large: boolean;
  /** Whether this viewer bears the controls of all on the page. */
  controls: boolean;
  drawing: Drawing;
  palettes: Record<string, Palette>;
  /** An opaque pixel apart, alpha is (|value| / scale) to this power. */
  power: number;
}

/** What of a look the address says. */
interface Drawing {
  palette: string;
  /** Percent. */
  opacity: number;
  outlines: boolean;
  /** Title of the large tile; any other text stands for the first. */
  large: string;
  /** The photograph stands beside the large tile. */
  original: boolean;
}

interface Ends<Value> {
  dissimilar: Value;
  similar: Value;
}

/** Red, green and blue, 0..255. */
type Colour = [number, number, number];

interface Palette extends Ends<Colour> {
  title: string;
}

interface MapRow {
  label: string;
  /** Side of the crop, in pixels. */
  size: number;
  crop: string;
  grey: string;
  tiles: MapTile[];
  original: Original | null;
}

/** The photograph of a crop. */
interface Original {
  key: string;
  alt: string;
  note: string;
  /** In pixels. */
  width: number;
  height: number;
  /** From the crop to the photograph, as SVG's matrix takes it. */
  toPhoto: [number, number, number, number, number, number];
}

/** By the key of the photograph: the whole, and the face in more pixels where those of the whole are reduced. */
type PhotoViews = Record<string, PhotoView[]>;

interface MapTile {
  title: string;
  note?: string;
  alt: string;
  /** float32, row by row, in base64; its `scale` is the |value| drawn at full colour. Without values the crop is shown. */
  values?: string;
  scale?: number;
  /** A map of dissimilarity alone. */
  dissimilar?: boolean;
  legend?: Ends<string>;
  /** The `d` of SVG paths in pixels of the crop, around the strongest areas. */
  outlines?: Ends<string>;
}

/** How maps are drawn and looked at, the same for all viewers of a page. */
interface LookState extends Drawing {
  compare: "off" | "wipe-photo" | "blink-photo" | "wipe-faces" | "blink-faces";
  /** How much of a tile the other picture covers, in percent from the left. */
  wiped: number;
  zoom: number;
  /** What of the crop is in the middle, as shares of its side. */
  centre: Point;
}

interface ReplayData {
  /** Of the pair and the model: where it changes, the replay begins anew. */
  key: string;
  /** Where it begins, in per mille of replaced pixels. */
  at: number;
  /** Whether it opens as a presentation, and what then stands above and below. */
  present: boolean;
  heading: string;
  caution: string;
  title: string;
  mapTitle: string;
  probeTitle: string;
  summary: string;
  /** Side of the crop, in pixels. */
  size: number;
  /** How many things are replaced whole: pixels, or cells. */
  units: number;
  /** uint8 RGB, row by row, in base64; so are `end` and `reference`. */
  start: string;
  end: string;
  reference: string;
  outline: string | null;
  /** int32 in base64: of each pixel, how many are replaced before it. */
  ranks: string;
  grey: string;
  layer: string;
  opacity: number;
  threshold: number;
  /** The score of each step, and the threshold, as they are said. */
  texts: { scores: string[]; threshold: string };
  /** The step at which the decision flips. */
  flip: number | null;
  curves: Curves;
}

/** Scores at each measured step, from nothing to everything replaced. */
interface Curves {
  scores: number[];
  inverse: number[];
  random: { mean: number[]; low: number[]; high: number[]; permutations: number } | null;
  others: OtherLine[];
}

/** Another method on the same chart. */
interface OtherLine {
  title: string;
  scores: number[];
  flip: number | null;
  colour: string;
  /** As SVG's stroke-dasharray. */
  dashes: string;
}

interface ThresholdData {
  label: string;
  value: number;
  /** Where the slider begins and ends: where scores lie. */
  low: number;
  high: number;
  /** Thresholds with an origin, exactly. */
  known: number[];
  /** Of the pair in hand; null without one. */
  score: number | null;
  /** Scores of known pairs, ascending float64 in base64; null for a model without a calibration. */
  genuine: string | null;
  impostor: string | null;
}
