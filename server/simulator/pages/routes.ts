import { Hono } from "hono"
import type { Simulator } from "../simulator"

export function createPages(_sim: Simulator): Hono {
  return new Hono()
}
