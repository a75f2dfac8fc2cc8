"use server";

import { revalidatePath } from "next/cache";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { readInput } from "@/server/auth/action-input";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import {
  CreateEndpointSchema,
  ReplayFilterSchema,
  ReplayManySchema,
  UpdateEndpointSchema,
} from "@/server/domain/webhooks/schema";
import {
  createEndpoint,
  deleteEndpoint,
  replayDeliveries,
  replayDelivery,
  rotateEndpointSecret,
  sendTestEvent,
  startReplay,
  updateEndpoint,
} from "@/server/domain/webhooks/service";

const EndpointIdSchema = idSchema("webhookEndpoint");
const DeliveryIdSchema = idSchema("webhookDelivery");
const AddSchema = CreateEndpointSchema.extend({ partner: idSchema("partner").optional() });
const ChangeSchema = UpdateEndpointSchema.omit({ status: true });
const COUNT = new Intl.NumberFormat("en");

function readId(schema: z.ZodType<string>, value: unknown): string {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new AppError("not_found");
  return parsed.data;
}

export async function addEndpointAction(input: unknown): Promise<ActionResult<{ id: string; secret: string }>> {
  try {
    const ctx = await actionContext("webhooks:write");
    const { partner, ...endpoint } = readInput(AddSchema, input);
    const made = await createEndpoint(ctx, endpoint, partner);
    revalidatePath("/webhooks", "layout");
    return { ok: true, data: { id: made.endpoint.id, secret: made.secret } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function changeEndpointAction(id: unknown, input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("webhooks:write");
    await updateEndpoint(ctx, readId(EndpointIdSchema, id), readInput(ChangeSchema, input));
    revalidatePath("/webhooks", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function setEndpointStatusAction(id: unknown, status: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("webhooks:write");
    await updateEndpoint(ctx, readId(EndpointIdSchema, id), {
      status: readInput(z.enum(["enabled", "disabled"]), status),
    });
    revalidatePath("/webhooks", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function rotateSecretAction(id: unknown): Promise<ActionResult<{ secret: string }>> {
  try {
    const ctx = await actionContext("webhooks:write");
    const { secret } = await rotateEndpointSecret(ctx, readId(EndpointIdSchema, id));
    revalidatePath("/webhooks", "layout");
    return { ok: true, data: { secret } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function deleteEndpointAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("webhooks:write");
    await deleteEndpoint(ctx, readId(EndpointIdSchema, id));
    revalidatePath("/webhooks", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function sendTestEventAction(id: unknown): Promise<ActionResult<{ delivery: string }>> {
  try {
    const ctx = await actionContext("webhooks:write");
    const delivery = await sendTestEvent(ctx, readId(EndpointIdSchema, id));
    revalidatePath("/webhooks", "layout");
    return { ok: true, data: { delivery: delivery.id } };
  } catch (error) {
    return failureOf(error);
  }
}

export async function replayDeliveryAction(id: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("webhooks:write");
    await replayDelivery(ctx, readId(DeliveryIdSchema, id));
    revalidatePath("/webhooks", "layout");
    return { ok: true };
  } catch (error) {
    return failureOf(error);
  }
}

export async function replayDeliveriesAction(ids: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("webhooks:write");
    const { replayed, skipped } = await replayDeliveries(ctx, readInput(ReplayManySchema, { ids }).ids);
    revalidatePath("/webhooks", "layout");
    const said = replayed === 1 ? "1 delivery is sent again" : `${COUNT.format(replayed)} deliveries are sent again`;
    return {
      ok: true,
      message:
        skipped === 0
          ? said
          : `${said}; ${COUNT.format(skipped)} left out: on the way already, or the endpoint is switched off`,
    };
  } catch (error) {
    return failureOf(error);
  }
}

export async function startReplayAction(input: unknown): Promise<ActionResult> {
  try {
    const ctx = await actionContext("webhooks:write");
    const { expected } = await startReplay(ctx, readInput(ReplayFilterSchema, input));
    revalidatePath("/webhooks", "layout");
    return {
      ok: true,
      message: expected === 1 ? "1 delivery is sent again" : `${COUNT.format(expected)} deliveries are sent again`,
    };
  } catch (error) {
    return failureOf(error);
  }
}
