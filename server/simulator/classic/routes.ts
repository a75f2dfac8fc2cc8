import type { ApiCall } from "../routing";
import { createCustomerToken, createOrder, releaseAuthorization } from "./authorizations";
import type { Classic } from "./context";
import { createdHppView, createHpp, disableHpp, distributeHpp, getHpp, hppView } from "./hpp";
import { orderRoute } from "./order-routes";
import { type ClassicRoute, json, NOTHING } from "./routing";
import { createdView, distributionView, sessionView } from "./session-views";
import {
  cancelSession,
  createSession,
  getDistribution,
  getSession,
  retryDistribution,
  updateSession,
} from "./sessions";

/** Which call is which operation: payment sessions, authorizations, distributions, hosted pages, orders. */

function sessionRoute(classic: Classic, method: string, parts: string[]): ClassicRoute | null {
  const [noun, id, sub] = parts;
  if (noun === "authorizations" && id !== undefined) return authorizationRoute(classic, method, id, parts.slice(2));
  if (noun !== "sessions" || sub !== undefined) return null;
  if (id === undefined) {
    if (method !== "POST") return null;
    return {
      operation: "classic_create_session",
      isKeyed: true,
      run: (account, body) => json(createdView(classic, createSession(classic, account, body))),
    };
  }
  switch (method) {
    case "GET":
      return {
        operation: "classic_read_session",
        isKeyed: false,
        run: (account) => json(sessionView(classic, getSession(classic, account, id))),
      };
    case "POST":
      return {
        operation: "classic_update_session",
        isKeyed: true,
        run(account, body) {
          updateSession(classic, account, id, body);
          return NOTHING;
        },
      };
    case "DELETE":
      return {
        operation: "classic_cancel_session",
        isKeyed: false,
        run(account) {
          cancelSession(classic, account, id);
          return NOTHING;
        },
      };
    default:
      return null;
  }
}

function authorizationRoute(classic: Classic, method: string, token: string, parts: string[]): ClassicRoute | null {
  const [what] = parts;
  if (parts.length > 1) return null;
  if (what === undefined && method === "DELETE") {
    return {
      operation: "classic_release_authorization",
      isKeyed: false,
      run(account) {
        releaseAuthorization(classic, account, token);
        return NOTHING;
      },
    };
  }
  if (method !== "POST") return null;
  if (what === "order") {
    return {
      operation: "classic_create_order",
      isKeyed: true,
      run(account, body) {
        const { order, redirectUrl } = createOrder(classic, account, token, body);
        return json({
          order_id: order.order_id,
          fraud_status: order.fraud_status,
          redirect_url: redirectUrl,
          authorized_payment_method: { type: "invoice" },
        });
      },
    };
  }
  if (what === "customer-token") {
    return {
      operation: "classic_create_customer_token",
      isKeyed: true,
      run: (account, body) => json(createCustomerToken(classic, account, token, body)),
    };
  }
  return null;
}

function distributionRoute(classic: Classic, method: string, parts: string[]): ClassicRoute | null {
  const [noun, id, sub] = parts;
  if (noun !== "distributions" || id === undefined || parts.length > 3) return null;
  if (sub === undefined && method === "GET") {
    return {
      operation: "classic_read_distribution",
      isKeyed: false,
      run: (account) => json(distributionView(classic, getDistribution(classic, account, id))),
    };
  }
  if (sub !== "retry" || method !== "POST") return null;
  return {
    operation: "classic_retry_distribution",
    isKeyed: true,
    run: (account, body) => json(distributionView(classic, retryDistribution(classic, account, id, body))),
  };
}

function hppRoute(classic: Classic, method: string, parts: string[]): ClassicRoute | null {
  const [noun, id, sub] = parts;
  if (noun !== "sessions" || parts.length > 3) return null;
  if (id === undefined) {
    if (method !== "POST") return null;
    return {
      operation: "hpp_create_session",
      isKeyed: true,
      run: (account, body) => json(createdHppView(classic, createHpp(classic, account, body)), 201),
    };
  }
  if (sub === "distribution" && method === "POST") {
    return {
      operation: "hpp_distribute",
      isKeyed: true,
      run(account, body) {
        distributeHpp(classic, account, id, body);
        return { status: 200, body: null };
      },
    };
  }
  if (sub !== undefined) return null;
  if (method === "GET") {
    return {
      operation: "hpp_read_session",
      isKeyed: false,
      run: (account) => json(hppView(classic, getHpp(classic, account, id))),
    };
  }
  if (method !== "DELETE") return null;
  return {
    operation: "hpp_disable_session",
    isKeyed: false,
    run(account) {
      disableHpp(classic, account, id);
      return NOTHING;
    },
  };
}

export function routeOf(classic: Classic, call: ApiCall): ClassicRoute | null {
  const parts = call.path.split("/").slice(1);
  if (parts.at(-1) === "") parts.pop();
  const [api, , ...rest] = parts;
  switch (api) {
    case "payments":
      return sessionRoute(classic, call.method, rest);
    case "iss":
      return distributionRoute(classic, call.method, rest);
    case "hpp":
      return hppRoute(classic, call.method, rest);
    default:
      return orderRoute(classic, call.method, rest);
  }
}
