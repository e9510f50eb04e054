// Prints the records of an Avro file as lines of JSON, read by avsc.
const avsc = require('avsc');
const fzstd = require('fzstd');
const snappy = require('snappyjs');

const codecs = {
  ...avsc.streams.BlockDecoder.getDefaultCodecs(),  // null and deflate
  snappy: (block, done) => done(null, Buffer.from(snappy.uncompress(block.subarray(0, -4)))),
  zstandard: (block, done) => done(null, Buffer.from(fzstd.decompress(block))),
};
const decoder = avsc.createFileDecoder(process.argv[2], {codecs});
const lines = [];
decoder.on('data', (record) => {
  lines.push(JSON.stringify(record));
  if (lines.length === 10000) process.stdout.write(lines.splice(0).join('\n') + '\n');
});
decoder.on('end', () => process.stdout.write(lines.map((line) => line + '\n').join('')));
decoder.on('error', (error) => {
  console.error(error);
  process.exitCode = 1;
});
