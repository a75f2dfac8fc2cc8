import { Hono } from "hono";
import { z } from "zod";
import { SimulatedError } from "../errors";
import { iso } from "../ids";
import type { Account } from "../model";
import { getAccount, type Simulator } from "../simulator";
import { authorityOf, credentialsOf, credentialView, disableIdleKeys, ipListView } from "./credentials";
import {
  DecisionReasonSchema,
  IpListSchema,
  ManagementSchema,
  ProductStateSchema,
  type Resource,
  type Step,
  StepSchema,
} from "./model";
import { adopt, requireManageable, wholeAccount } from "./onboard";
import { acceptInvitation, deepLinkUrl, PORTAL_ROLES, sampleDeepLinkToken, userView } from "./portal";
import { changeProductAsKlarna, decisionView, productView } from "./products";
import { managementOf, saveManagement } from "./settings";
import { checkBrand, runDueSteps, runStep, setAccountState } from "./steps";

/** The control API of the management side: Klarna's own moves, and every waiting step now. */

const SettingsInputSchema = ManagementSchema.omit({
  id: true,
  ca: true,
  mtls_enforced_from: true,
  ip_list: true,
  pending_ip_list: true,
  event_names: true,
})
  .partial()
  .extend({ event_names: ManagementSchema.shape.event_names.partial().optional() })
  .strict();

export type ManagementInput = z.input<typeof SettingsInputSchema>;

const AccessInputSchema = z
  .object({ mtls_enforced_from: z.iso.datetime().nullable().optional(), ip_list: IpListSchema.optional() })
  .strict();

const RunSchema = z.object({ account: z.string().optional(), kind: StepSchema.shape.kind.optional() });
const AccountStateSchema = z.object({ state: z.enum(["OPERATIONAL", "DISABLED"]) });
const ProductSchema = z.object({ state: ProductStateSchema, decision: DecisionReasonSchema.optional() });
const SampleTokenSchema = z.object({
  account: z.string(),
  user: z.email().default("staff@partner.example"),
  roles: z.array(z.enum(PORTAL_ROLES)).min(1).default(["merchant:admin"]),
});
const IncompleteSchema = z.object({ reason: z.string().min(1).max(255).default("the logo cannot be shown") });

function stepView(step: Step) {
  return { ...step, due_at: iso(step.due_at) };
}

function settingsView(sim: Simulator) {
  const { ca: _ca, ...settings } = managementOf(sim);
  return settings;
}

/** What the clock does for the management side. */
export function sweepManagement(sim: Simulator): void {
  runDueSteps(sim);
  disableIdleKeys(sim);
}

/** Certificates and addresses that are enforced would lock everybody out of what was just emptied. */
export function resetManagement(sim: Simulator): void {
  const management = managementOf(sim);
  management.mtls_enforced_from = null;
  management.ip_list = { mode: "NOT_ENABLED", allowed_ip_addresses: [] };
  management.pending_ip_list = null;
  saveManagement(sim);
}

export function createManagementControl(sim: Simulator): Hono {
  const app = new Hono();

  async function bodyOf(request: Request): Promise<unknown> {
    const text = await request.text();
    try {
      const value: unknown = text === "" ? {} : JSON.parse(text);
      return value;
    } catch {
      throw new SimulatedError("VALIDATION_ERROR", "The body is not valid JSON.");
    }
  }

  function find(id: string, kind: Resource["kind"]): { account: Account; resource: Resource } {
    const resource = sim.state.resources.get(id);
    if (resource === undefined || resource.kind !== kind) {
      throw new SimulatedError("RESOURCE_NOT_FOUND", `There is no such ${kind}.`);
    }
    return { account: getAccount(sim, resource.account_id), resource };
  }

  app.get("/management", (c) => c.json(settingsView(sim)));
  app.post("/management", async (c) => {
    const { event_names, ...input } = SettingsInputSchema.parse(await bodyOf(c.req.raw));
    const management = managementOf(sim);
    Object.assign(management, input);
    Object.assign(management.event_names, event_names);
    saveManagement(sim);
    return c.json(settingsView(sim));
  });

  app.get("/steps", (c) => {
    const { account, kind } = c.req.query();
    const found = [...sim.state.steps.values()].filter(
      (step) => (account === undefined || step.account_id === account) && (kind === undefined || step.kind === kind),
    );
    return c.json({ steps: found.map(stepView) });
  });
  app.post("/steps/now", async (c) => {
    const input = RunSchema.parse(await bodyOf(c.req.raw));
    const found = [...sim.state.steps.values()].filter(
      (step) =>
        (input.account === undefined || step.account_id === input.account) &&
        (input.kind === undefined || step.kind === input.kind),
    );
    for (const step of found) runStep(sim, step);
    return c.json({ count: found.length });
  });
  app.post("/steps/:id/now", (c) => {
    const step = sim.state.steps.get(c.req.param("id"));
    if (step === undefined) throw new SimulatedError("RESOURCE_NOT_FOUND", "There is no such step.");
    runStep(sim, step);
    return c.json(stepView(step));
  });

  app.get("/accounts/:id/resources", (c) => c.json(wholeAccount(sim, getAccount(sim, c.req.param("id")))));
  // What an account that was made by hand holds, told like an onboard call.
  app.post("/accounts/:id/onboarding", async (c) =>
    c.json(adopt(sim, getAccount(sim, c.req.param("id")), await bodyOf(c.req.raw)), 201),
  );
  app.post("/accounts/:id/state", async (c) => {
    const account = getAccount(sim, c.req.param("id"));
    setAccountState(sim, account, AccountStateSchema.parse(await bodyOf(c.req.raw)).state);
    return c.json(wholeAccount(sim, account));
  });
  app.post("/accounts/:id/product", async (c) => {
    const account = getAccount(sim, c.req.param("id"));
    const input = ProductSchema.parse(await bodyOf(c.req.raw));
    const decision = changeProductAsKlarna(sim, account, input.state, input.decision ?? null);
    return c.json({ ...productView(sim, account), decision: decision === null ? null : decisionView(decision) });
  });
  app.post("/brands/:id/incomplete", async (c) => {
    const { account, resource } = find(c.req.param("id"), "brand");
    checkBrand(sim, account, resource.id, IncompleteSchema.parse(await bodyOf(c.req.raw)).reason);
    return c.json({ status: "ok" });
  });
  app.post("/users/:id/accept", (c) => {
    const { account, resource } = find(c.req.param("id"), "user");
    requireManageable(sim, account, false);
    acceptInvitation(sim, account, resource);
    return c.json(userView(resource));
  });

  app.get("/credentials", (c) =>
    c.json({
      api_keys: credentialsOf(sim, "API_KEY").map(credentialView),
      client_identifiers: credentialsOf(sim, "CLIENT_IDENTIFIER").map(credentialView),
      client_certificates: credentialsOf(sim, "CLIENT_CERTIFICATE").map(credentialView),
    }),
  );
  app.post("/credentials/:id/idle", (c) => {
    const credential = sim.state.credentials.get(c.req.param("id"));
    if (credential === undefined) throw new SimulatedError("RESOURCE_NOT_FOUND", "There is no such credential.");
    if (credential.is_first) throw new SimulatedError("OPERATION_FORBIDDEN", "The first key is never idle.");
    credential.state = "DISABLED";
    sim.state.credentials.put(credential);
    return c.json(credentialView(credential));
  });
  app.get("/access", (c) => c.json({ ...settingsAccess(), ca_certificate: authorityOf(sim).certificate }));
  app.post("/access", async (c) => {
    const input = AccessInputSchema.parse(await bodyOf(c.req.raw));
    const management = managementOf(sim);
    if (input.mtls_enforced_from !== undefined) {
      management.mtls_enforced_from = input.mtls_enforced_from === null ? null : Date.parse(input.mtls_enforced_from);
    }
    if (input.ip_list !== undefined) {
      management.ip_list = input.ip_list;
      management.pending_ip_list = null;
    }
    saveManagement(sim);
    return c.json(settingsAccess());
  });

  function settingsAccess() {
    const from = managementOf(sim).mtls_enforced_from;
    return { mtls_enforced_from: from === null ? null : iso(from), ip_list: ipListView(sim) };
  }

  app.get("/deep-links", (c) =>
    c.json({
      deep_links: [...sim.state.deepLinks.values()].map((link) => ({
        url: deepLinkUrl(sim, link),
        account_id: link.account_id,
        user: link.user,
        roles: link.roles,
        created_at: iso(link.created_at),
        expires_at: iso(link.expires_at),
        used_at: link.used_at === null ? null : iso(link.used_at),
      })),
    }),
  );

  app.post("/deep-links/token", async (c) => {
    const input = SampleTokenSchema.parse(await bodyOf(c.req.raw));
    const account = getAccount(sim, input.account);
    return c.json({ jwt: sampleDeepLinkToken(sim, account.account_id, input.user, input.roles) }, 201);
  });

  return app;
}
