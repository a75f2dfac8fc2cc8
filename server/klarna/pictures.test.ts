import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { readKlarnaPicture } from "./pictures";

/** A server of one picture on loopback; says which paths it was asked for. */
async function pictures(): Promise<{ url: string; host: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(200, { "content-type": "image/png" }).end("picture");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: `http://${host}`, host, asked };
}

it("S30: pictures come from the simulator or from Klarna, whatever host an address hides in its path", async () => {
  const [simulator, other] = [await pictures(), await pictures()];
  expect(await readKlarnaPicture("https://x.klarna.com/badge.png", simulator.url, 0)).toMatch(/^data:image\/png/);
  await readKlarnaPicture(`https://x.klarna.com//${other.host}/badge.png`, simulator.url, 0);
  expect(simulator.asked).toEqual(["/badge.png", `//${other.host}/badge.png`]);
  expect(await readKlarnaPicture(`${other.url}/badge.png`, null, 0)).toBe(null);
  expect(other.asked).toEqual([]);
});

it("what the simulator drew for an address is not shown where Klarna is asked, nor one simulator's as another's", async () => {
  const [simulator, another] = [await pictures(), await pictures()];
  // No address of Klarna's: its own mode answers nothing and asks nobody.
  const address = "https://pictures.example/kept.png";
  expect(await readKlarnaPicture(address, simulator.url, 0)).toMatch(/^data:image\/png/);
  expect(await readKlarnaPicture(address, null, 0)).toBe(null);
  expect(await readKlarnaPicture(address, another.url, 0)).toMatch(/^data:image\/png/);
  expect(await readKlarnaPicture(address, simulator.url, 0)).toMatch(/^data:image\/png/);
  expect([simulator.asked, another.asked]).toEqual([["/kept.png"], ["/kept.png"]]);
});
