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

interface PickerData {
  photo: string;
  picture: string;
  width: number;
  height: number;
  points: [number, number][];
  names: string[];
}

interface ViewerData {
  rows: { label: string; tiles: MapTile[] }[];
  opacity: number;
  legend: string;
}

interface MapTile {
  title: string;
  note?: string;
  alt: string;
  base: string;
  size: number;
  layer?: string;
  /** float32, row by row, in base64; its `scale` is the |value| drawn at full colour. */
  values?: string;
  scale?: number;
}

interface ReplayData {
  /** Of the pair and the model: where it changes, the replay begins anew. */
  key: string;
  /** Where it begins, in per mille of replaced pixels. */
  at: number;
  title: string;
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
}
