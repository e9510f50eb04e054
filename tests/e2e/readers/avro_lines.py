"""Prints the records of an Avro file as lines of JSON, read by Debian's python3-avro."""

import datetime
import json
import sys

import avro.datafile
import avro.io

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    if not isinstance(value, datetime.datetime):
        return value
    return (value - EPOCH) // datetime.timedelta(milliseconds=1)


with avro.datafile.DataFileReader(open(sys.argv[1], "rb"), avro.io.DatumReader()) as records:
    for record in records:
        print(json.dumps({name: plain(value) for name, value in record.items()}))
