/**
 * The pictures on the table: what is known of each, what is painted over it, and what became of it. A store outside
 * React, so that a picture goes on being cleaned whatever page is shown.
 */

import { useSyncExternalStore } from "react";
import type { Mode, Preset, Problem, Removal, SeenMark } from "../api";
import type { Painted } from "./painting";

export type Step = "reading" | "ready" | "sending" | "queued" | "running" | "done" | "failed";

export interface Look {
  state: "none" | "looking" | "found" | "failed";
  marks: SeenMark[];
  /** The shapes of the marks in the preview's size, white. */
  shapes: ImageBitmap[];
  /** Places in `marks` of those that are to stay. */
  refused: ReadonlySet<number>;
  problem: Problem | null;
  sensitivity: number;
}

export interface Result {
  picture: Blob;
  preview: ImageBitmap | null;
  removal: Removal;
  seconds: number;
  /** How much of what is painted it was made with. */
  spent: number;
}

export interface Plate {
  id: string;
  name: string;
  picture: Blob;
  step: Step;
  /** 0 to 1 while it is being sent. */
  sent: number;
  width: number;
  height: number;
  preview: ImageBitmap | null;
  thumbnail: string | null;
  painted: readonly Painted[];
  undone: readonly Painted[];
  /** What was loaded as a mask, in the preview's size, by id. */
  stencils: ReadonlyMap<string, { image: ImageBitmap; width: number; height: number }>;
  preset: Preset | null;
  look: Look;
  result: Result | null;
  problem: { code: string; text: string } | null;
  removalId: string | null;
}

export interface How {
  mode: Mode;
  /** Of the answer; empty: as the picture's. */
  format: string;
  sensitivity: number;
}

export interface Table {
  plates: readonly Plate[];
  chosen: string | null;
  how: How;
}

let table: Table = { plates: [], chosen: null, how: { mode: "auto", format: "", sensitivity: 0.5 } };
const listeners = new Set<() => void>();

export function look(sensitivity: number): Look {
  return { state: "none", marks: [], shapes: [], refused: new Set(), problem: null, sensitivity };
}

export function getTable(): Table {
  return table;
}

export function plateOf(id: string): Plate | undefined {
  return table.plates.find((one) => one.id === id);
}

export function change(values: Partial<Table>): void {
  table = { ...table, ...values };
  for (const one of listeners) one();
}

export function changePlate(id: string, values: Partial<Plate> | ((plate: Plate) => Partial<Plate>)): void {
  change({
    plates: table.plates.map((one) =>
      one.id === id ? { ...one, ...(typeof values === "function" ? values(one) : values) } : one,
    ),
  });
}

function subscribe(action: () => void): () => void {
  listeners.add(action);
  return () => {
    listeners.delete(action);
  };
}

export function useTable(): Table {
  return useSyncExternalStore(subscribe, getTable);
}

/** Paint one more thing over a picture; what was undone is forgotten. */
export function addPainted(id: string, ...more: Painted[]): void {
  changePlate(id, (plate) => ({ painted: [...plate.painted, ...more], undone: [] }));
}

export function undo(id: string): void {
  changePlate(id, (plate) => {
    const last = plate.painted.at(-1);
    return last === undefined ? {} : { painted: plate.painted.slice(0, -1), undone: [...plate.undone, last] };
  });
}

export function redo(id: string): void {
  changePlate(id, (plate) => {
    const next = plate.undone.at(-1);
    return next === undefined ? {} : { painted: [...plate.painted, next], undone: plate.undone.slice(0, -1) };
  });
}

export function clearPainted(id: string): void {
  changePlate(id, (plate) => ({ painted: [], undone: [...plate.painted].reverse(), preset: null }));
}

/** Whether it is on its way, and nothing about it may be changed. */
export function busy(plate: Plate): boolean {
  return plate.step === "sending" || plate.step === "queued" || plate.step === "running";
}
