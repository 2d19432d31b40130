// Which side each photograph goes to.

const UNCHANGED = "Nothing was changed.";

/**
 * The sides that so many photographs go to, in their order; or why none of them goes anywhere.
 * @param {number} count
 * @param {IntakeSide[]} sides probe and reference
 * @returns {{ sides: IntakeSide[], refusal: string }}
 */
export function sharedOut(count, sides) {
  const free = sides.filter(({ filled }) => !filled);
  const taking = count === 1 ? [free.find(({ field }) => field) ?? free[0]].filter(Boolean) : sides;
  const refusal = reason(count, sides, taking);
  return refusal ? { sides: [], refusal: `${refusal} ${UNCHANGED}` } : { sides: taking, refusal: "" };
}

/**
 * @param {number} count
 * @param {IntakeSide[]} sides
 * @param {IntakeSide[]} taking
 */
function reason(count, sides, taking) {
  if (count === 0) return "That is no photograph: give files.";
  if (count > sides.length) {
    return `A pair takes two photographs, not ${count}: give two. Several of one person go into a field below, once “Several probe photographs” or “Several reference photographs” is on.`;
  }
  if (taking.length === 0) return "Both photographs are there: remove one with its cross, or give two.";
  const crowd = taking.find(({ several }) => several);
  if (count > 1 && crowd) return `The ${crowd.title} takes several photographs: give them in its own field.`;
  const filmed = taking.find(({ field }) => !field);
  return filmed ? `The ${filmed.title} comes from the camera: switch that off to give a file.` : "";
}
