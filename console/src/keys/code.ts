/** Programs that call this server, in three languages and four dialects, ready to paste. */

export type Dialect = "native" | "kaze" | "gptge" | "picwish";
export type Language = "curl" | "javascript" | "python";

export const DIALECTS: Record<Dialect, string> = { native: "cleanplate", kaze: "Kaze", gptge: "gpt.ge", picwish: "PicWish" };
export const LANGUAGES: Record<Language, string> = { curl: "curl", javascript: "JavaScript", python: "Python" };

export interface Call {
  path: string;
  /** The field with the picture: a file in a form, or base64 in JSON. */
  field: string;
  json: boolean;
  fields: Record<string, string>;
  header: [name: string, before: string];
  /** Where the answer has the picture's address. */
  result: string[];
  /** How to ask again when the answer has only the task's id. */
  ask: string | null;
}

const BEARER: [string, string] = ["Authorization", "Bearer "];
const SYNC = { sync: "1" };

export const CALLS: Record<Dialect, Call> = {
  native: { path: "/v1/removals", field: "file", json: false, fields: SYNC, header: BEARER, result: ["result", "url"], ask: null },
  kaze: {
    path: "/api/ext/v1/submit_watermark_removal",
    field: "image_base64",
    json: true,
    fields: {},
    header: BEARER,
    result: [],
    ask: "/api/ext/v1/get_task_result",
  },
  gptge: { path: "/task/pic/watermark_auto", field: "file", json: false, fields: SYNC, header: BEARER, result: ["data", "file"], ask: null },
  picwish: {
    path: "/api/tasks/visual/external/watermark-remove",
    field: "file",
    json: false,
    fields: SYNC,
    header: ["X-API-KEY", ""],
    result: ["data", "file"],
    ask: null,
  },
};

export function snippet(dialect: Dialect, language: Language, server: string, token: string): string {
  const call = CALLS[dialect];
  if (language === "curl") return curl(call, server, token);
  return language === "python" ? python(call, server, token) : javascript(call, server, token);
}

function curl(call: Call, server: string, token: string): string {
  const header = `-H "${call.header.join(": ")}${token}"`;
  if (call.ask !== null) {
    const sent = `echo '{"${call.field}": "'$(base64 -w0 photo.jpg)'"}' | curl -s ${server}${call.path}`;
    const json = `-H "Content-Type: application/json"`;
    return (
      `${sent} \\\n  ${header} \\\n  ${json} -d @-\n\n` +
      `# then, with the task_id of the answer\ncurl -s ${server}${call.ask} \\\n  ${header} \\\n  ${json} -d '{"task_id": "TASK_ID"}'\n`
    );
  }
  const fields = Object.entries(call.fields).map(([name, text]) => `-F ${name}=${text}`);
  return `${[`curl -s ${server}${call.path}`, header, `-F ${call.field}=@photo.jpg`, ...fields].join(" \\\n  ")}\n`;
}

function javascript(call: Call, server: string, token: string): string {
  const [name, before] = call.header;
  if (call.ask !== null) {
    return `import { readFile } from "node:fs/promises";

const headers = { "${name}": "${before}${token}", "Content-Type": "application/json" };
const call = async (path, body) =>
  (await fetch("${server}" + path, { method: "POST", headers, body: JSON.stringify(body) })).json();

const ${call.field} = await readFile("photo.jpg", "base64");
const { data } = await call("${call.path}", { ${call.field} });
console.log(await call("${call.ask}", { task_id: data.task_id }));
`;
  }
  const fields = Object.entries(call.fields).map(([field, text]) => `form.set("${field}", "${text}");\n`);
  return `import { openAsBlob } from "node:fs";

const form = new FormData();
form.set("${call.field}", await openAsBlob("photo.jpg"), "photo.jpg");
${fields.join("")}
const response = await fetch("${server}${call.path}", {
  method: "POST",
  headers: { "${name}": "${before}${token}" },
  body: form,
});
const answer = await response.json();
console.log(answer.${call.result.join(".")});
`;
}

function python(call: Call, server: string, token: string): string {
  const [name, before] = call.header;
  const headers = `headers = {"${name}": "${before}${token}"}`;
  if (call.ask !== null) {
    return `import base64
import requests

${headers}
picture = base64.b64encode(open("photo.jpg", "rb").read()).decode()
task = requests.post(
    "${server}${call.path}", headers=headers, json={"${call.field}": picture}
).json()["data"]
print(requests.post("${server}${call.ask}", headers=headers, json=task).json())
`;
  }
  const fields = Object.entries(call.fields).map(([field, text]) => `"${field}": "${text}"`);
  return `import requests

${headers}
answer = requests.post(
    "${server}${call.path}",
    headers=headers,
    files={"${call.field}": open("photo.jpg", "rb")},
    data={${fields.join(", ")}},
).json()
print(answer${call.result.map((one) => `["${one}"]`).join("")})
`;
}
