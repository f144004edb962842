// What a customer's program would do, with nothing but the types that were generated.
import { readFileSync, writeFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Removal = components["schemas"]["RemovalAnswer"];
type Problem = components["schemas"]["Problem"];

const [url, token, photoUrl] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

function form(fields: object): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    made.append(name, value instanceof Blob || typeof value === "string" ? value : JSON.stringify(value));
  }
  return made;
}

function got<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

async function ended(id: string): Promise<Removal> {
  for (;;) {
    const params = { path: { removal_id: id }, query: { wait: 10 } };
    const known = got(await client.GET("/v1/removals/{removal_id}", { params }));
    if (known.state === "done" || known.state === "failed") return known;
  }
}

const preset = got(
  await client.POST("/v1/presets", {
    body: { name: "typescript", rectangles: [{ x: 34, y: 28, width: 20, height: 12 }], anchor: "bottom-right" },
  }),
);

const photo = new Blob([readFileSync("photo.png")], { type: "image/png" });
const uploaded = got(
  await client.POST("/v1/removals", {
    body: { file: photo, preset: preset.id, mode: "fill", metadata: { order: 4711 } },
    bodySerializer: form,
  }),
);
const removal = await ended(uploaded.id);

const again = { params: { header: { "Idempotency-Key": "typescript-1" } } };
const byUrl = { url: photoUrl, rectangles: [{ x: 10, y: 8, width: 20, height: 12 }], mode: "fill" as const };
const first = got(await client.POST("/v1/removals", { body: byUrl, ...again }));
const second = got(await client.POST("/v1/removals", { body: byUrl, ...again }));

const batch = got(
  await client.POST("/v1/batches", {
    body: {
      zip: new Blob([readFileSync("pictures.zip")], { type: "application/zip" }),
      preset: "typescript",
      mode: "fill",
      metadata: { job: 1 },
    },
    bodySerializer: form,
  }),
);
const listed: Removal[] = [];
for (let cursor: string | undefined; ; ) {
  const query = { batch: batch.id, limit: 1, ...(cursor === undefined ? {} : { cursor }) };
  const page = got(await client.GET("/v1/removals", { params: { query } }));
  listed.push(...page.removals);
  if (page.next_cursor === null) break;
  cursor = page.next_cursor;
}
for (const one of listed) await ended(one.id);
const done = got(await client.GET("/v1/batches/{batch_id}", { params: { path: { batch_id: batch.id } } }));
const results = await client.GET("/v1/batches/{batch_id}/results.zip", {
  params: { path: { batch_id: batch.id } },
  parseAs: "arrayBuffer",
});
writeFileSync("results.zip", Buffer.from(got(results)));

await ended(first.id);
const problems: Problem[] = [];
const late = await client.DELETE("/v1/removals/{removal_id}", { params: { path: { removal_id: first.id } } });
if (late.error) problems.push(late.error);
const unknown = await client.GET("/v1/batches/{batch_id}", { params: { path: { batch_id: "unknown" } } });
if (unknown.error) problems.push(unknown.error);
const wrong = await client.POST("/v1/removals", { body: { url: "ftp://example.org/photo.png" } });
if (wrong.error) problems.push(wrong.error);
await client.DELETE("/v1/presets/{preset_id}", { params: { path: { preset_id: preset.id } } });
const presets = got(await client.GET("/v1/presets"));
const account = got(await client.GET("/v1/account"));

writeFileSync(
  "told.json",
  JSON.stringify({
    removal,
    repeated: [first.id, second.id],
    batch: done,
    listed: listed.map((one) => one.name),
    problems: problems.map(({ status, code }) => [status, code]),
    presets: presets.presets.length,
    usage: account.usage,
  }),
);
