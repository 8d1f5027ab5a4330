// agentlogs (npm) behind the contract of `rehydra parser --batch`; see README.md. The package is a program and exports
// nothing, so a copy of its one file is loaded that does not run and that exports its reader and its converter.
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const program = process.argv[2];
const source = readFileSync(program, "utf8").replace(/r0\.parseAsync\(\)\.catch\([\s\S]*$/, "");
const copy = join(dirname(program), "as-a-library.mjs");
writeFileSync(copy, `${source}\nexport { HU as read, TJ as convert };\n`);
const { read, convert } = await import(pathToFileURL(copy));

function told(path) {
  const { records, invalidLines } = read({ transcriptPath: path });
  const damaged = invalidLines > 0;
  const converted = convert(records, { pricing: {}, gitContext: null });
  if (!converted) return { turns: [], damaged };
  const turns = [{ user: [], assistant: [], tools: [], reasoning: [] }];
  const places = { user: "user", agent: "assistant", "tool-call": "tools", thinking: "reasoning" };
  for (const message of converted.transcript.messages) {
    if (message.type === "user") turns.push({ user: [], assistant: [], tools: [], reasoning: [] });
    const text = message.type === "tool-call" ? JSON.stringify([message.input, message.output]) : message.text;
    turns.at(-1)[places[message.type]]?.push(text?.replaceAll("\\n", " ").toWellFormed());
  }
  return { id: converted.transcript.id, cwd: converted.transcript.cwd, turns, damaged };
}

for await (const path of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = told(path);
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  console.log(JSON.stringify(answer));
}
