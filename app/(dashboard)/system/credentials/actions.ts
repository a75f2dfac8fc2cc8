"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { idSchema } from "@/server/core/ids";
import {
  ChangeDomainsSchema,
  CreateCredentialSchema,
  EnforceSchema,
  IpListInputSchema,
} from "@/server/domain/credentials/schema";
import {
  activateCredential,
  changeDomains,
  changeIpList,
  createCredential,
  disableCredential,
  disableForeignCredential,
  enforceCertificate,
  resumeCredential,
} from "@/server/domain/credentials/service";

const IdSchema = idSchema("klarnaCredential");
const ForeignIdSchema = z.string().min(1).max(255);

async function changed(message: string, work: (ctx: ServiceContext) => Promise<unknown>): Promise<ActionResult> {
  try {
    await work(await actionContext("credentials:write"));
    return { ok: true, message };
  } catch (error) {
    return failureOf(error);
  } finally {
    revalidatePath("/system/credentials");
  }
}

export async function createCredentialAction(input: unknown): Promise<ActionResult> {
  return changed("Klarna has made it", (ctx) => createCredential(ctx, readInput(CreateCredentialSchema, input)));
}

export async function resumeCredentialAction(id: unknown): Promise<ActionResult> {
  return changed("Klarna has answered", (ctx) => resumeCredential(ctx, readInput(IdSchema, id)));
}

export async function activateCredentialAction(id: unknown): Promise<ActionResult> {
  return changed("It is in use", (ctx) => activateCredential(ctx, readInput(IdSchema, id)));
}

export async function disableCredentialAction(id: unknown): Promise<ActionResult> {
  return changed("It is disabled", (ctx) => disableCredential(ctx, readInput(IdSchema, id)));
}

export async function disableForeignAction(id: unknown): Promise<ActionResult> {
  return changed("It is disabled", (ctx) => disableForeignCredential(ctx, readInput(ForeignIdSchema, id)));
}

export async function changeDomainsAction(input: unknown): Promise<ActionResult> {
  return changed("The domains are changed", (ctx) => {
    const { id, domains } = readInput(ChangeDomainsSchema, input);
    return changeDomains(ctx, id, domains);
  });
}

export async function changeIpListAction(input: unknown): Promise<ActionResult> {
  return changed("Klarna takes the change within five minutes", (ctx) =>
    changeIpList(ctx, readInput(IpListInputSchema, input)),
  );
}

export async function enforceCertificateAction(input: unknown): Promise<ActionResult> {
  return changed("Klarna will take calls with the certificate only", (ctx) =>
    enforceCertificate(ctx, readInput(EnforceSchema, input).from),
  );
}
