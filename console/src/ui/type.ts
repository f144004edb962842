/**
 * The console's own type, for headings. It is used when it is there before the first page is drawn, and otherwise not
 * at all: letters that change under the reader make the page jump. The next visit has it at hand.
 */

import latin from "@fontsource-variable/bricolage-grotesque/files/bricolage-grotesque-latin-wght-normal.woff2?url";
import vietnamese from "@fontsource-variable/bricolage-grotesque/files/bricolage-grotesque-vietnamese-wght-normal.woff2?url";

const PATIENCE = 600; // milliseconds
const LETTERS = {
  [latin]: "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+2000-206F, U+20AC, U+2122, U+2212",
  [vietnamese]: "U+0102-0103, U+0110-0111, U+0128-0129, U+0168-0169, U+01A0-01A1, U+01AF-01B0, U+0300-0301, U+0303-0304, U+0308-0309, U+0323, U+0329, U+1EA0-1EF9, U+20AB",
};

export async function setType(): Promise<void> {
  const faces = Object.entries(LETTERS).map(
    ([url, unicodeRange]) => new FontFace("Bricolage", `url(${url})`, { weight: "200 800", unicodeRange }),
  );
  const loaded = Promise.all(faces.map((one) => one.load()));
  const late = new Promise<null>((resolve) => {
    setTimeout(resolve, PATIENCE, null);
  });
  const ready = await Promise.race([loaded, late]).catch(() => null);
  for (const one of ready ?? []) document.fonts.add(one);
}
