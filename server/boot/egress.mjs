// Where this process may connect to: Klarna, the database, mail, Inngest, our own parts, and whatever the guarded webhook
// client has checked. Loaded before everything else (`node --import`), so that no library connects around it. Plain
// JavaScript without imports of ours, to be small and to start at once.
//
// TILLGATE_EGRESS=log (the default) writes down each other target once; `refuse` also refuses the connection, which is how
// the tests run; `off` does neither. What was written down is in DATA_DIR/egress.log and on standard error.
import { appendFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";

/** On the lookup function of connections that check their own target. */
const GUARDED = Symbol.for("tillgate.guarded-lookup");
const DEFAULT_PORTS = {
  "http:": 80,
  "https:": 443,
  "postgres:": 5432,
  "postgresql:": 5432,
  "smtp:": 587,
  "smtps:": 465,
};
/** Settings that name where we connect to; lists are separated by commas. */
const SETTINGS = [
  "KLARNA_TEST_BASE_URL",
  "KLARNA_LIVE_BASE_URL",
  "KLARNA_CLASSIC_TEST_BASE_URL",
  "KLARNA_CLASSIC_LIVE_BASE_URL",
  "DATABASE_URL",
  "SMTP_URL",
  "INNGEST_BASE_URL",
  "INNGEST_EVENT_API_BASE_URL",
  "ENGINE_APP_URLS",
  "SIMULATOR_CONTROL_URL",
  "SIMULATOR_URL",
  "OIDC_ISSUER",
  "EGRESS_ALLOW",
];
const KLARNA = [
  ...["https://api-global.test.klarna.com", "https://api-global.klarna.com"],
  // The classic interfaces: Europe, North America, Oceania.
  ...["https://api.playground.klarna.com", "https://api.klarna.com"],
  ...["https://api-na.playground.klarna.com", "https://api-na.klarna.com"],
  ...["https://api-oc.playground.klarna.com", "https://api-oc.klarna.com"],
];
/** Our own parts, on this machine, and where they are unless a setting says otherwise. */
const PORTS = { PORT: "3000", WEB_PORT: "3001", ENGINE_PORT: "3002" };

/** All spellings of this machine are one. @param {string} host */
function plainHost(host) {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, "");
  return bare === "localhost" || bare === "::1" || /^127\./.test(bare) ? "loopback" : bare;
}

/** @param {string} host @param {number | string} port */
export function targetOf(host, port) {
  return `${plainHost(host)}:${port}`;
}

/** The targets that these settings name. @param {Readonly<Record<string, string | undefined>>} settings */
export function allowedTargets(settings) {
  const targets = new Set();
  const urls = [...KLARNA, ...SETTINGS.flatMap((name) => (settings[name] ?? "").split(","))];
  for (const text of urls) {
    if (!URL.canParse(text.trim())) continue;
    const url = new URL(text.trim());
    const port = url.port || DEFAULT_PORTS[/** @type {keyof typeof DEFAULT_PORTS} */ (url.protocol)];
    if (port) targets.add(targetOf(url.hostname, port));
  }
  for (const [name, usual] of Object.entries(PORTS)) targets.add(targetOf("localhost", settings[name] || usual));
  return targets;
}

/**
 * What `net.Socket.connect` was asked for, in any of its forms; null for a socket file.
 * @param {readonly unknown[]} args
 * @returns {{ host: string, port: number | string, isGuarded: boolean } | null}
 */
export function askedTarget(args) {
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof first === "object" && first !== null) {
    if (first.path && !first.port) return null;
    return { host: first.host || "localhost", port: first.port, isGuarded: first.lookup?.[GUARDED] === true };
  }
  if (typeof first === "string" && !/^\d+$/.test(first)) return null;
  return { host: typeof second === "string" ? second : "localhost", port: Number(first), isGuarded: false };
}

/**
 * Watches every connection of this process from now on.
 * @param {{ isAllowed: (target: string, host: string) => boolean, refuses: boolean, report: (target: string) => void }} options
 */
export function guardEgress({ isAllowed, refuses, report }) {
  const original = net.Socket.prototype.connect;
  /** @this {net.Socket} @param {any[]} args */
  function connect(...args) {
    const asked = askedTarget(args);
    if (asked && !asked.isGuarded) {
      const target = targetOf(asked.host, asked.port);
      if (!isAllowed(target, plainHost(asked.host))) {
        report(target);
        if (refuses) {
          const error = Object.assign(new Error(`connections to ${target} are not allowed`), { code: "EEGRESS" });
          process.nextTick(() => this.destroy(error));
          return this;
        }
      }
    }
    return Reflect.apply(original, this, args);
  }
  net.Socket.prototype.connect = connect;
  return () => {
    net.Socket.prototype.connect = original;
  };
}

const mode = process.env.TILLGATE_EGRESS ?? "log";
// Loaded by `node --import`, and not by a test that only wants the functions.
if (mode !== "off" && process.execArgv.some((argument) => argument.includes("egress.mjs"))) {
  const targets = allowedTargets(process.env);
  const reported = new Set();
  guardEgress({
    isAllowed: (target) => targets.has(target),
    refuses: mode === "refuse",
    report: (target) => {
      if (reported.has(target) || reported.size >= 1_000) return;
      reported.add(target);
      const part = path.basename(path.dirname(process.argv[1] ?? ""));
      const line = {
        level: "error",
        time: new Date().toISOString(),
        part,
        target,
        msg: `connection to ${target}, which no setting names`,
      };
      process.stderr.write(`${JSON.stringify(line)}\n`);
      try {
        if (process.env.DATA_DIR)
          appendFileSync(path.join(process.env.DATA_DIR, "egress.log"), `${JSON.stringify(line)}\n`, { mode: 0o600 });
      } catch {
        // The line on standard error has to do.
      }
    },
  });
}
