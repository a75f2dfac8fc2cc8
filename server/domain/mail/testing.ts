import { createServer, type Socket } from "node:net";

export type TestMailServer = {
  url: string;
  /** Whole messages as they were taken, headers and text. */
  readonly taken: string[];
  /** What the end of the next messages is answered with, one each; "250 ok" afterwards. */
  answers: string[];
  close(): Promise<void>;
};

/** A mail server on this machine that takes everything, or answers as told. */
export async function testMailServer(): Promise<TestMailServer> {
  const taken: string[] = [];
  const answers: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    let waiting = "";
    let message: string[] | null = null;
    socket.write("220 test\r\n");
    socket.on("data", (chunk) => {
      waiting += chunk.toString("utf8");
      for (let at = waiting.indexOf("\r\n"); at >= 0; at = waiting.indexOf("\r\n")) {
        const line = waiting.slice(0, at);
        waiting = waiting.slice(at + 2);
        if (message === null) {
          if (line.toUpperCase() === "DATA") message = [];
          socket.write(message === null ? "250 ok\r\n" : "354 go on\r\n");
          if (line.toUpperCase() === "QUIT") socket.end();
        } else if (line === ".") {
          const answer = answers.shift() ?? "250 ok";
          if (answer.startsWith("250")) taken.push(message.join("\n"));
          message = null;
          socket.write(`${answer}\r\n`);
        } else message.push(line);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    taken,
    answers,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
