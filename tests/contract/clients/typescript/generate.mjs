// Writes schema.d.ts from openapi.json, files as Blob: what openapi-typescript's own manual does for uploads.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const BLOB = ts.factory.createTypeReferenceNode(ts.factory.createIdentifier("Blob"));
const document = JSON.parse(await readFile("openapi.json", "utf8"));
const types = await openapiTS(document, {
  transform: (schema) => (schema.format === "binary" ? BLOB : undefined),
});
await writeFile("schema.d.ts", astToString(types));
