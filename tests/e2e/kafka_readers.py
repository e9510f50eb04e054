"""Consumers written by others, as people use them: each reads so many messages of a topic, in groups
where it knows groups, and returns (partition, key, value) of them."""

import json
import os
import pathlib
import subprocess
import time

import confluent_kafka

import kafka_broker

READERS = pathlib.Path(__file__).parent / "readers"
PATIENCE_SECONDS = 120


def by_confluent_kafka(broker, topic, count):
    """With no more settings than a tutorial has."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": broker.bootstrap, "group.id": f"trainer-{topic}",
        "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        found = []
        give_up = time.monotonic() + PATIENCE_SECONDS
        while len(found) < count and time.monotonic() < give_up:
            message = consumer.poll(1)
            if message is not None and message.error() is None:
                found.append((message.partition(), message.key().decode(), message.value().decode()))
        return found
    finally:
        consumer.close()


def by_console_consumer(broker, topic, count):
    """Kafka's own, in Java."""
    done = kafka_broker.call(
        "tool", "consumer.ConsoleConsumer", "--bootstrap-server", broker.bootstrap, "--topic", topic,
        "--isolation-level", "read_committed", "--from-beginning", "--max-messages", count,
        "--formatter-property", "print.key=true", "--formatter-property", "print.partition=true",
        timeout=PATIENCE_SECONDS)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return [(int(partition.removeprefix("Partition:")), key, value)
            for partition, key, value in lines]


def by_kafkajs(broker, topic, count):
    done = subprocess.run(
        ["node", READERS / "kafka_group.js", broker.bootstrap, topic, str(count)],
        env={**os.environ, "NODE_PATH": os.environ["THRONG_NODE_MODULES"],
             "KAFKAJS_NO_PARTITIONER_WARNING": "1"},
        capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


ALL = (by_confluent_kafka, by_console_consumer, by_kafkajs)
