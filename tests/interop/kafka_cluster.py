"""A Kafka cluster in memory, by librdkafka: kafka_cluster.py BROKERS TOPIC...

Prints the brokers' addresses. Then it answers each line of standard input, `count TOPIC` with a number and `read TOPIC`
with the records as JSON, until standard input ends.
"""

import json
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

brokers, topics = int(sys.argv[1]), sys.argv[2:]
cluster = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": brokers, "log_level": 0})
addresses = ",".join(f"{broker.host}:{broker.port}" for broker in cluster.list_topics(timeout=20).brokers.values())
for topic in topics:
    # Asking for a topic creates it.
    cluster.list_topics(topic, timeout=20)
consumer = Consumer(
    {
        "bootstrap.servers": addresses,
        "group.id": "test",
        "enable.partition.eof": True,
        "enable.auto.commit": False,
        "check.crcs": True,
        "log_level": 0,
    }
)


def partitions(topic):
    return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in consumer.list_topics(topic).topics[topic].partitions]


def count(topic):
    ends = [consumer.get_watermark_offsets(partition, timeout=20) for partition in partitions(topic)]
    # The cluster keeps only the newest records. All offsets begin with 0.
    return sum(high for _, high in ends)


def read(topic):
    left = partitions(topic)
    records, ended = [], 0
    consumer.assign(left)
    while ended < len(left):
        record = consumer.poll(20)
        if record is None:
            sys.exit("the cluster does not answer")
        if record.error() is None:
            records.append(
                {
                    "partition": record.partition(),
                    "key": record.key() and record.key().decode(),
                    "text": record.value().decode(),
                    "headers": [[name, value.decode()] for name, value in record.headers() or []],
                }
            )
        elif record.error().code() == KafkaError._PARTITION_EOF:
            ended += 1
        else:
            sys.exit(str(record.error()))
    consumer.unassign()
    return records


print(addresses, flush=True)
for line in sys.stdin:
    question, topic = line.split()
    print(json.dumps({"count": count, "read": read}[question](topic)), flush=True)
