// Prints COUNT messages of a topic as lines of JSON, [partition, key, value], read by a group of
// kafkajs.
//   kafka_group.js BOOTSTRAP_SERVER TOPIC COUNT
const {Kafka, logLevel} = require('kafkajs');

const [server, topic, count] = process.argv.slice(2);
const consumer = new Kafka({brokers: [server], logLevel: logLevel.ERROR})
  .consumer({groupId: `kafkajs-${topic}`});
const lines = [];

async function read() {
  await consumer.connect();
  await consumer.subscribe({topics: [topic], fromBeginning: true});
  await consumer.run({
    eachMessage: async ({partition, message}) => {
      lines.push(JSON.stringify([partition, message.key.toString(), message.value.toString()]));
      if (lines.length < Number(count)) return;
      process.stdout.write(lines.join('\n') + '\n', () => process.exit(0));
    },
  });
}

read().catch((error) => {
  console.error(error);
  process.exit(1);
});
