// Throng from Node.js: five rows of a dataset.
//     node rows.js ADDRESS     as unix:/run/throng/throngd.sock or localhost:7447
// THRONG_CACERT and THRONG_TOKEN_FILE: TLS, and who we are.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const { THRONG_CACERT, THRONG_TOKEN_FILE } = process.env;
const protos = fileURLToPath(new URL("../../../proto", import.meta.url));
const api = grpc.loadPackageDefinition(loader.loadSync("throng/v1/generation_service.proto",
  { includeDirs: [protos], keepCase: true, longs: Number })).throng.v1;

let credentials = grpc.credentials.createInsecure();
if (THRONG_CACERT) credentials = grpc.credentials.createSsl(readFileSync(THRONG_CACERT));
const metadata = new grpc.Metadata();
if (THRONG_TOKEN_FILE) {
  metadata.set("authorization", `Bearer ${readFileSync(THRONG_TOKEN_FILE, "utf8").trim()}`);
}

const service = new api.GenerationService(process.argv[2], credentials);
const source = { layers: [{ name: "rows.js", text: "dataset: {size: quick, seed: 7}" }] };
const rows = service.Generate({ source, row_limit: 5 }, metadata);
let prefixes;
rows.on("data", ({ header, batch }) => {
  prefixes = header ?? prefixes; // in the first message
  batch?.user_numbers.forEach((user, i) => console.log(
    prefixes.user_prefix + user, prefixes.item_prefix + batch.item_numbers[i],
    batch.rating_hundredths[i] / 100, new Date(batch.timestamp_ms[i]).toISOString()));
});
rows.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
