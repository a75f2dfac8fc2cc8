import path from "node:path";
import { defineConfig } from "prisma/config";

const folder = import.meta.dirname;

export default defineConfig({
  schema: path.join(folder, "schema"),
  migrations: { path: path.join(folder, "migrations") },
  tables: { external: ["public.rate_limits"] },
  experimental: { externalTables: true },
  datasource: { url: process.env.DATABASE_URL ?? "" },
});
