import { createServices, type Services } from "@/server/context";
import { createNudge } from "./nudge";

let shared: Services | undefined;

/** What the functions of this process work with; made at the first use. */
export function services(): Services {
  shared ??= createServices({ name: "engine", nudge: createNudge() });
  return shared;
}
