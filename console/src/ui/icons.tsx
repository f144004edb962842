/** Icons: drawn on a grid of 20, in the text's colour, hidden from screen readers (their button has a name). */

import type { ReactNode } from "react";

const PATHS = {
  move: "M10 2.5v15M2.5 10h15M10 2.5 7.8 4.7M10 2.5l2.2 2.2M10 17.5l-2.2-2.2M10 17.5l2.2-2.2M2.5 10l2.2-2.2M2.5 10l2.2 2.2M17.5 10l-2.2-2.2M17.5 10l-2.2 2.2",
  brush: "M16.8 3.2c-3.6 1.6-6.6 4.4-8.7 7.6l1.9 1.9c3.2-2.1 6-5.1 7.6-8.7a.6.6 0 0 0-.8-.8ZM7.6 11.9c-1.9 0-2.9 1.2-3.1 2.7-.1 1-.6 1.7-1.5 2.1 2.6.8 6 .3 6.2-2.9",
  eraser: "M8.2 16.5 3.5 11.8a1.4 1.4 0 0 1 0-2l6.3-6.3a1.4 1.4 0 0 1 2 0l4.7 4.7a1.4 1.4 0 0 1 0 2L10.2 16.5H8.2ZM6.6 6.7l6.7 6.7M10 16.5h7",
  rectangle: "M3.5 5.5h13v9h-13z",
  lasso: "M10 4c4.1 0 7 1.9 7 4.5S14.100 13 10 13s-7-1.900-7-4.500S5.900 4 10 4ZM6.200 12.400c-1.400.7-1.500 2.100-.300 2.600 1.100.5 2 .1 2 1.500",
  undo: "M7 4 3.500 7.500 7 11M3.500 7.500h8.300a4.400 4.400 0 0 1 0 8.800H8",
  redo: "M13 4l3.500 3.500L13 11M16.500 7.500H8.200a4.400 4.400 0 0 0 0 8.800H12",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  close: "M5 5l10 10M15 5 5 15",
  check: "M4 10.500l4 4 8-9",
  down: "M10 3.500v9M6.500 9.500 10 13l3.500-3.500M4 16.500h12",
  up: "M10 13V4M6.500 7.500 10 4l3.500 3.500M4 16.500h12",
  retry: "M16 10a6 6 0 1 1-1.800-4.300M16.200 3.200v3.600h-3.600",
  picture: "M3 4.500h14v11H3zM3 13l4-4 3.500 3.500L13 10l4 3.500M13.200 7.800h.01",
  link: "M8.500 11.500a3 3 0 0 0 4.200 0l2.500-2.500a3 3 0 0 0-4.200-4.200l-.9.9M11.500 8.500a3 3 0 0 0-4.200 0l-2.500 2.500a3 3 0 0 0 4.200 4.200l.9-.9",
  trash: "M4 6h12M8 6V4h4v2M5.500 6l.7 10h7.600l.7-10",
  copy: "M7 7h9v9H7zM4 13V4h9",
  list: "M7 5.500h9M7 10h9M7 14.500h9M3.800 5.500h.01M3.800 10h.01M3.800 14.500h.01",
  key: "M12.500 3.500a4 4 0 1 1-3.600 5.700L3.500 14.600v2h2.300v-1.800h1.800V13h1.600l1-1M13.200 6.900h.01",
  gauge: "M3.500 14a6.500 6.500 0 1 1 13 0M10 14l3-4.500",
  clean: "M3 4.500h14v11H3zM6.800 10.200l2.200 2.200 4.200-4.600",
  user: "M10 10.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4.500 16.500a5.500 5.500 0 0 1 11 0",
  eye: "M2.500 10S5 5 10 5s7.500 5 7.500 5-2.500 5-7.500 5-7.500-5-7.500-5ZM10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  alert: "M10 3.500 17.500 16.500h-15zM10 8.500v4M10 14.300h.01",
  out: "M8 4H4v12h4M12 6.500 15.500 10 12 13.500M15.500 10H8",
  fit: "M3.500 7.500v-4h4M12.500 3.500h4v4M16.500 12.500v4h-4M7.500 16.500h-4v-4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }): ReactNode {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Mark({ size = 28 }: { size?: number }): ReactNode {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M16 5.500a10.500 10.500 0 1 0 10.500 10.500" />
      <circle cx="23.500" cy="8.500" r="3.400" />
    </svg>
  );
}
