import { createServices, type Services } from "@/server/context";

let shared: Services | undefined;

/** What the functions of this process work with; made at the first use. */
export function services(): Services {
  shared ??= createServices({ name: "engine" });
  return shared;
}
