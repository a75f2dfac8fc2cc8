import "server-only";
import { createLimit, type Limit } from "@/server/auth/rate-limit";
import { webServices } from "@/server/auth/web";

const WINDOW_S = 600;
let made: { address: Limit; all: Limit } | null = null;

/** Tries to use a code: ten in ten minutes from one place, three hundred from everywhere. */
export function pairingLimits(): { address: Limit; all: Limit } {
  const services = webServices();
  made ??= {
    address: createLimit(services, { name: "pairing-address", points: 10, durationSeconds: WINDOW_S }),
    all: createLimit(services, { name: "pairing", points: 300, durationSeconds: WINDOW_S }),
  };
  return made;
}
