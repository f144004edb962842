/** The tools on the table, and what they are set to. */

export type Tool = "move" | "brush" | "eraser" | "rectangle" | "lasso";
export const TOOLS: readonly Tool[] = ["move", "brush", "eraser", "rectangle", "lasso"];
export const KEYS: Record<Tool, string> = { move: "V", brush: "B", eraser: "E", rectangle: "R", lasso: "L" };

export interface Hand {
  tool: Tool;
  /** Diameter of the brush on the stage when the picture is fitted, in its own pixels. */
  size: number;
  hardness: number;
}

export type Shown = "original" | "result" | "slider" | "difference";
