import { webServices } from "@/server/auth/web";
import { handleTrpc } from "@/server/trpc/handler";

const handle = (request: Request): Promise<Response> => handleTrpc(request, webServices());

export { handle as GET, handle as POST };
