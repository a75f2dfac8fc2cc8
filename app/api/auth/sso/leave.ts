import { NextResponse } from "next/server";

type Cookie = {
  name: string;
  value: string;
  maxAge?: number;
  expires?: Date;
  httpOnly: boolean;
  sameSite: "lax";
  path: string;
  secure: boolean;
};

/** A redirect that nobody keeps, with a cookie or without. */
export function leave(location: string, ...cookies: Cookie[]): NextResponse {
  const response = new NextResponse(null, { status: 303, headers: { location, "cache-control": "no-store" } });
  for (const cookie of cookies) response.cookies.set(cookie);
  return response;
}
