// Clients of the modules' services, over Connect at the page's own origin, with the bearer token.
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AlertingService } from "../gen/tarn/alerting/v1/alerting_service_pb.js";
import { CatalogService } from "../gen/tarn/catalog/v1/catalog_service_pb.js";
import { DashboardService } from "../gen/tarn/dashboard/v1/dashboard_service_pb.js";
import { QueryService } from "../gen/tarn/query/v1/query_service_pb.js";
import { TransformService } from "../gen/tarn/transform/v1/transform_service_pb.js";
import { currentToken, renew } from "./session";

// Sends the token, and once more with a fresh one when it was refused (a revoked key, a restarted server).
const withToken: Interceptor = (next) => async (request) => {
  request.header.set("Authorization", `Bearer ${await currentToken()}`);
  try {
    return await next(request);
  } catch (error) {
    if (ConnectError.from(error).code !== Code.Unauthenticated || request.stream) throw error;
    request.header.set("Authorization", `Bearer ${await renew()}`);
    return next(request);
  }
};

const transport = createConnectTransport({ baseUrl: window.location.origin, interceptors: [withToken] });

export const alerting = createClient(AlertingService, transport);
export const catalog = createClient(CatalogService, transport);
export const dashboards = createClient(DashboardService, transport);
export const queries = createClient(QueryService, transport);
export const transform = createClient(TransformService, transport);
