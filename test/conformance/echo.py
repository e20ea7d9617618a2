"""A gRPC client and server of Python's grpcio, without generated code: messages are bytes.

    echo.py server            prints the port, serves until its standard input ends
    echo.py client PORT       makes calls of every kind, prints a line for each
"""
import sys
import time
from concurrent import futures

import grpc


def unary(request, context):
    if request == b"fail":
        context.set_trailing_metadata((("x-trailer", "end"),))
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
    if request == b"wait":
        time.sleep(2)
    return request


def collect(requests, context):
    return str(sum(len(request) for request in requests)).encode()


def count(request, context):
    for i in range(int(request)):
        yield b"x" * 1000


def chat(requests, context):
    for request in requests:
        yield b"re: " + request


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", -1)])
    handlers = {
        "unary": grpc.unary_unary_rpc_method_handler(unary),
        "collect": grpc.stream_unary_rpc_method_handler(collect),
        "count": grpc.unary_stream_rpc_method_handler(count),
        "chat": grpc.stream_stream_rpc_method_handler(chat),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(0)


def call(port):
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel("127.0.0.1:" + port, options=options) as channel:
        ask = channel.unary_unary("/test.Echo/unary")
        print("unary", ask(b"hello", timeout=10).decode())
        large = b"weft" * (1024 * 1024)
        print("large", ask(large, timeout=20) == large)
        try:
            ask(b"fail", timeout=10)
        except grpc.RpcError as error:
            print("fail", error.code().name, error.details(), dict(error.trailing_metadata()).get("x-trailer"))
        try:
            ask(b"wait", timeout=0.3)
        except grpc.RpcError as error:
            print("late", error.code().name)
        print("collect", channel.stream_unary("/test.Echo/collect")((b"y" * 10000 for _ in range(300)), timeout=20).decode())
        print("count", sum(len(part) for part in channel.unary_stream("/test.Echo/count")(b"2000", timeout=20)))
        answers = channel.stream_stream("/test.Echo/chat")((str(i).encode() for i in range(5)), timeout=10)
        print("chat", [answer.decode() for answer in answers])
        zipped = ask(b"z" * 10000, timeout=10, compression=grpc.Compression.Gzip)
        print("zipped", zipped == b"z" * 10000)


if sys.argv[1] == "server":
    serve()
else:
    call(sys.argv[2])
