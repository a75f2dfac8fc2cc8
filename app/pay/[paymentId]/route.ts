import { forward, journeyOf, UNKNOWN_PATH } from "../journey";

export const dynamic = "force-dynamic";

/** Our redirect address: on to Klarna's journey while the payment waits for its customer, else to what became of it. */
export async function GET(
  _request: Request,
  { params }: { params: Promise<{ paymentId: string }> },
): Promise<Response> {
  const journey = await journeyOf((await params).paymentId);
  if (!journey) return forward(UNKNOWN_PATH);
  return forward(journey.view.klarnaUrl ?? `/pay/${journey.id}/status`);
}
