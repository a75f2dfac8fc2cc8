import "server-only";
import { createLimit, type Limit } from "@/server/auth/rate-limit";
import { webServices } from "@/server/auth/web";

const WINDOW_S = 600;
const TRIES_OF_ADDRESS = 10;
const TRIES_OF_FAMILY = 1_000;
let made: { address: Limit; family: Limit } | null = null;

/**
 * Wrong codes in ten minutes: ten from one address (of IPv6 from one /64), and a thousand from everywhere that begin with
 * the same two signs, their family. Nobody without an address left of the ten counts for a family.
 *
 * Guessing: a code is ten of 27 signs, so 27^8 = 2.8e11 codes are of one family. A code holds for ten minutes and so meets
 * two windows, 2,000 tries at most, whoever tries from however many addresses: a chance of 2,000 / 2.8e11 = 7e-9, one in 140
 * million, for each code that is made. With a thousand codes a day, all under such an attack, one is guessed in 380 years.
 *
 * Blocking: there are 27^2 = 729 families, and a code's is by chance. One that an attacker has filled stops one code in 729,
 * and a new code is of another; to stop all takes 729,000 tries from 72,900 addresses, again every ten minutes. That is the
 * bound over everything.
 */
export function pairingLimits(): { address: Limit; family: Limit } {
  const services = webServices();
  made ??= {
    address: createLimit(services, { name: "pairing-address", points: TRIES_OF_ADDRESS, durationSeconds: WINDOW_S }),
    family: createLimit(services, { name: "pairing-family", points: TRIES_OF_FAMILY, durationSeconds: WINDOW_S }),
  };
  return made;
}
