import type { Endpoint, Method } from "./endpoint";

type Node = {
  words: Map<string, Node>;
  parameter: { name: string; node: Node } | null;
  endpoints: Map<string, Endpoint>;
};

export type Found = { endpoint: Endpoint; params: Record<string, string> } | { allow: string } | null;

const newNode = (): Node => ({ words: new Map(), parameter: null, endpoints: new Map() });

/** Finds the endpoint of a method and path; `allow` when the path is served but not by this method. */
export function createRouter(endpoints: readonly Endpoint[]): (method: string, path: string) => Found {
  const root = newNode();
  for (const endpoint of endpoints) {
    let node = root;
    for (const step of endpoint.path.slice(1).split("/")) {
      const name = /^\{(\w+)\}$/.exec(step)?.[1];
      if (name === undefined) {
        const next = node.words.get(step) ?? newNode();
        node.words.set(step, next);
        node = next;
      } else {
        node.parameter ??= { name, node: newNode() };
        node = node.parameter.node;
      }
    }
    if (node.endpoints.has(endpoint.method)) throw new Error(`${endpoint.method} ${endpoint.path} is declared twice`);
    node.endpoints.set(endpoint.method, endpoint);
  }

  return (method, path) => {
    const params: Record<string, string> = {};
    let node = root;
    for (const step of path.slice(1).split("/")) {
      const next = node.words.get(step);
      if (next) {
        node = next;
      } else {
        if (!node.parameter || step === "") return null;
        params[node.parameter.name] = step;
        node = node.parameter.node;
      }
    }
    const endpoint = node.endpoints.get(method);
    if (endpoint) return { endpoint, params };
    return node.endpoints.size === 0 ? null : { allow: allowed(node.endpoints) };
  };
}

function allowed(endpoints: ReadonlyMap<string, Endpoint>): string {
  const methods = new Set<Method | "HEAD">([...endpoints.values()].map((endpoint) => endpoint.method));
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods].sort().join(", ");
}
