import { serve } from "inngest/next";
import { inngest, serveOrigin } from "@/inngest/client";
import { functions } from "@/inngest/index";

// Only these three: other methods of the SDK's handler have told more than they should.
export const { GET, POST, PUT } = serve({ client: inngest, functions, serveOrigin, servePath: "/api/inngest" });
