import { NextRequest } from "next/server";
import NextAuth from "next-auth";
import { nextAuthOptions } from "@/server/auth/next-auth";
import { isOwnOrigin } from "@/server/auth/origin";
import { webServices } from "@/server/auth/web";
import { ERROR_CATALOGUE, type ErrorCode } from "@/server/core/errors";

type Context = { params: Promise<{ nextauth: string[] }> };

/** What we use of next-auth. Its other pages and its log endpoint do not exist here. */
const SERVED: Readonly<Record<string, readonly string[]>> = {
  GET: ["csrf", "session"],
  POST: ["callback/credentials", "signout"],
};

function refuse(code: ErrorCode): Response {
  const { status, title } = ERROR_CATALOGUE[code];
  return Response.json({ code, message: title }, { status, headers: { "cache-control": "no-store" } });
}

async function handle(request: NextRequest, context: Context): Promise<Response> {
  const services = webServices();
  const action = (await context.params).nextauth.join("/");
  if (request.method === "GET" && (action === "signin" || action === "error")) {
    const error = request.nextUrl.searchParams.get("error");
    const path = error === null ? "/sign-in" : `/sign-in?error=${encodeURIComponent(error.slice(0, 40))}`;
    return new Response(null, { status: 303, headers: { location: path, "cache-control": "no-store" } });
  }
  if (!SERVED[request.method]?.includes(action)) return refuse("not_found");
  if (request.method === "POST" && !isOwnOrigin(request.headers, services.env)) return refuse("origin_refused");
  // What next-auth reads from the query (above all `callbackUrl`) comes from the form or not at all.
  const bare = new NextRequest(new URL(request.nextUrl.pathname, request.nextUrl.origin), request);
  return NextAuth(bare, context, nextAuthOptions(services));
}

export { handle as GET, handle as POST };
