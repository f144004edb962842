/** The server's native API, as far as the console speaks it. Addresses are relative: it may live below any path. */

export interface Limits {
  max_bytes: number;
  max_pixels: number;
  max_side: number;
  min_side: number;
  max_batch: number;
  max_rectangles: number;
  sensitivity: number;
}

export interface Session {
  signed_in: boolean;
  token_required: boolean;
  own_tokens: boolean;
  account: string | null;
  token: string | null;
  admin: boolean;
  proof: string | null;
  expires_at: number | null;
  version: string;
  limits: Limits | null;
}

export type Box = [x: number, y: number, width: number, height: number];

export interface FoundMark {
  box: Box;
  kind: "see-through" | "opaque" | "tiled";
  opacity: number;
  colour: string;
  confidence: number;
}

export interface SeenMark extends FoundMark {
  area: string;
}

export interface Marks {
  width: number;
  height: number;
  marks: SeenMark[];
}

export type State = "queued" | "running" | "done" | "failed";
export type Mode = "auto" | "undo" | "fill";

export interface Removal {
  id: string;
  dialect: string;
  state: State;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  expires_at: number;
  mode: Mode;
  sensitivity: number;
  credits: number;
  metadata: Record<string, unknown>;
  preset: string | null;
  batch: string | null;
  name: string | null;
  result: {
    url: string;
    format: string;
    media_type: string;
    width: number;
    height: number;
    changed: boolean;
    box: Box | null;
    found: FoundMark[];
    timings: Record<string, number>;
  } | null;
  error: { code: string; detail: string } | null;
}

export interface Batch {
  id: string;
  state: "running" | "done";
  pictures: number;
  counts: Record<State, number>;
  created_at: number;
  expires_at: number;
  results_url: string;
}

export interface Sides {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Anchor = "top-left" | "top-right" | "bottom-left" | "bottom-right";

export interface Preset {
  id: string;
  name: string;
  rectangles: Sides[];
  unit: "pixel" | "fraction";
  anchor: Anchor;
  created_at: number;
}

export interface Token {
  id: string;
  name: string;
  account: string;
  prefix: string;
  admin: boolean;
  created_at: number;
  last_used_at: number | null;
  revoked_at: number | null;
}

export interface Credits {
  account: string;
  limit: number | null;
  usage: number;
  remaining: number | null;
}

export interface UsedOnDay {
  day: string;
  charged: number;
  refunded: number;
  granted: number;
}

export interface WebhookLog {
  url: string | null;
  state: "none" | "pending" | "delivered" | "failed";
  next_at: number | null;
  tries: { number: number; at: number; status: number | null; error: string | null }[];
}

export interface Holder {
  name: string;
  limit: number | null;
  usage: number;
  remaining: number | null;
  tokens: number;
  queued: number;
  running: number;
  created_at: number;
  last_used_at: number | null;
}

export interface Standing {
  at: number;
  queued: number;
  running: number;
  oldest_at: number | null;
  done_last_hour: number;
  failed_last_hour: number;
  mean_seconds: number | null;
  slots: number;
  workers: { name: string; removals: number; since: number; heard_until: number }[];
  folders: { name: string; blobs: number; bytes: number }[];
  counted: boolean;
  disk_free: number | null;
  disk_total: number | null;
}

export interface Setting {
  name: string;
  value: string;
  meaning: string;
  default: boolean;
}

/** What the server, or the way to it, says is wrong. `code` is the server's own, or `offline`. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "Problem";
  }
}

let proof: string | null = null;
let onSignedOut: () => void = () => undefined;

/** What is sent beside the cookie with everything that changes something. */
export function setProof(value: string | null): void {
  proof = value;
}

/** Called when the server does not know the session any more. */
export function whenSignedOut(action: () => void): void {
  onSignedOut = action;
}

/** The server's own address, without a slash at the end: what snippets are filled in with. */
export function serverAddress(): string {
  return new URL(".", document.baseURI).href.replace(/\/$/, "");
}

/** A link of the server's, whatever host it names, as this page may load it. */
export function here(link: string): string {
  const { pathname, search } = new URL(link, document.baseURI);
  const place = pathname.lastIndexOf("/files/") >= 0 ? pathname.lastIndexOf("/files/") : pathname.lastIndexOf("/v1/");
  return `.${pathname.slice(place)}${search}`;
}

function headers(more: Record<string, string> = {}): Record<string, string> {
  return proof === null ? more : { ...more, "X-CSRF-Token": proof };
}

async function problemOf(response: Response): Promise<Problem> {
  const after = Number(response.headers.get("Retry-After")) || null;
  try {
    const told = (await response.json()) as { code?: string; detail?: string };
    return new Problem(told.code ?? "unexpected", told.detail ?? response.statusText, response.status, after);
  } catch {
    return new Problem("unexpected", response.statusText || String(response.status), response.status, after);
  }
}

async function refused(response: Response): Promise<Problem> {
  const problem = await problemOf(response);
  const had = proof !== null; // who shows a wrong token has no session to lose
  if (had && (problem.status === 401 || problem.code === "proof_missing")) onSignedOut();
  return problem;
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      ...init,
      headers: headers(init.headers as Record<string, string>),
      credentials: "same-origin",
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem("offline", "", 0);
  }
  if (!response.ok) throw await refused(response);
  return response;
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await ask(path, init);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

function sending(method: string, body: unknown): RequestInit {
  return { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

const part = encodeURIComponent;

/** Send a form and tell how much of it is on its way (0 to 1); `fetch` cannot. */
function send<T>(path: string, form: FormData, onSent: (share: number) => void, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onSent(event.loaded / event.total);
    };
    request.onerror = () => {
      reject(new Problem("offline", "", 0));
    };
    request.onload = () => {
      const response = new Response(request.responseText, {
        status: request.status,
        statusText: request.statusText,
        headers: { "Retry-After": request.getResponseHeader("Retry-After") ?? "" },
      });
      if (response.ok) resolve(JSON.parse(request.responseText) as T);
      else void refused(response).then(reject);
    };
    request.onabort = () => {
      reject(new DOMException("", "AbortError"));
    };
    signal.addEventListener("abort", () => {
      request.abort();
    });
    request.send(form);
  });
}

export const api = {
  session: () => json<Session>("v1/session"),
  signIn: (token: string) => json<Session>("v1/session", sending("POST", { token })),
  signOut: () => json<undefined>("v1/session", { method: "DELETE" }),

  find: (picture: Blob, sensitivity: number, signal: AbortSignal) => {
    const form = new FormData();
    form.set("file", picture);
    form.set("sensitivity", String(sensitivity));
    return json<Marks>("v1/marks", { method: "POST", body: form, signal });
  },
  picture: async (url: string) => (await ask("v1/picture", sending("POST", { url }))).blob(),
  create: (form: FormData, onSent: (share: number) => void, signal: AbortSignal) =>
    send<Removal>("v1/removals", form, onSent, signal),
  removal: (id: string, wait = 0, signal?: AbortSignal) =>
    json<Removal>(`v1/removals/${part(id)}?wait=${String(wait)}`, signal ? { signal } : {}),
  cancel: (id: string) => json<Removal>(`v1/removals/${part(id)}`, { method: "DELETE" }),
  removals: (query: Record<string, string>) =>
    json<{ removals: Removal[]; next_cursor: string | null }>(`v1/removals?${new URLSearchParams(query).toString()}`),
  webhook: (id: string) => json<WebhookLog>(`v1/removals/${part(id)}/webhook`),
  callAgain: (id: string) => json<WebhookLog>(`v1/removals/${part(id)}/webhook`, { method: "POST" }),
  thumbnail: (id: string) => `v1/removals/${part(id)}/thumbnail`,
  batch: (id: string) => json<Batch>(`v1/batches/${part(id)}`),
  cancelBatch: (id: string) => json<Batch>(`v1/batches/${part(id)}`, { method: "DELETE" }),
  file: async (link: string, signal?: AbortSignal) => (await ask(here(link), signal ? { signal } : {})).blob(),

  presets: async () => (await json<{ presets: Preset[] }>("v1/presets")).presets,
  createPreset: (preset: Pick<Preset, "name" | "rectangles" | "unit" | "anchor">) =>
    json<Preset>("v1/presets", sending("POST", preset)),
  deletePreset: (id: string) => json<undefined>(`v1/presets/${part(id)}`, { method: "DELETE" }),

  credits: () => json<Credits>("v1/account"),
  usage: async (days: number) => {
    const offset = String(-new Date().getTimezoneOffset());
    return (await json<{ days: UsedOnDay[] }>(`v1/account/usage?days=${String(days)}&utc_offset=${offset}`)).days;
  },
  tokens: async () => (await json<{ tokens: Token[] }>("v1/account/tokens")).tokens,
  createToken: (name: string) => json<Token & { token: string }>("v1/account/tokens", sending("POST", { name })),
  revokeToken: (id: string) => json<undefined>(`v1/account/tokens/${part(id)}`, { method: "DELETE" }),

  holders: async () => (await json<{ accounts: Holder[] }>("v1/operator/accounts")).accounts,
  standing: () => json<Standing>("v1/operator/standing"),
  settings: async () => (await json<{ settings: Setting[] }>("v1/operator/settings")).settings,
  grant: (account: string, credits: number) =>
    json<Credits>(`v1/accounts/${part(account)}/credits`, sending("POST", { credits })),
  createTokenFor: (account: string, name: string, admin: boolean) =>
    json<Token & { token: string }>("v1/tokens", sending("POST", { account, name, admin })),
  health: async () => {
    const response = await fetch("readyz").catch(() => {
      throw new Problem("offline", "", 0);
    });
    if (!response.ok && response.status !== 503) throw await problemOf(response); // 503 says what is not well
    return (await response.json()) as Record<string, string>;
  },
};
