// Publishes each line of standard input to JetStream with nats.c: nats_publish URL SUBJECT async|each
//
// `async` has up to 4000 messages on their way, as many as wstap. `each` waits for the acknowledgment of every message, as
// `nats pub --jetstream` does.
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void end_on(const char *what, natsStatus status) {
    if (status != NATS_OK) {
        fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
        exit(1);
    }
}

static void refused(jsCtx *js, jsPubAckErr *error, void *unused) {
    (void)js;
    (void)unused;
    end_on(error->ErrText, error->Err);
}

int main(int count, char **words) {
    if (count != 4) return 2;
    const int each = strcmp(words[3], "each") == 0;
    natsConnection *connection = NULL;
    jsCtx *js = NULL;
    jsOptions options;
    jsPubOptions of_message;
    end_on("options", jsOptions_Init(&options));
    end_on("options", jsPubOptions_Init(&of_message));
    options.PublishAsync.MaxPending = 4000;
    options.PublishAsync.StallWait = 10000;
    options.PublishAsync.ErrHandler = refused;
    end_on("connect", natsConnection_ConnectTo(&connection, words[1]));
    end_on("JetStream", natsConnection_JetStream(&js, connection, &options));
    char *line = NULL, id[32];
    size_t room = 0;
    ssize_t length;
    for (long number = 1; (length = getline(&line, &room, stdin)) > 0; number++) {
        if (line[length - 1] == '\n') length--;
        snprintf(id, sizeof id, "run-%ld", number);
        of_message.MsgId = id;
        if (each) {
            end_on("publish", js_Publish(NULL, js, words[2], line, (int)length, &of_message, NULL));
        } else {
            end_on("publish", js_PublishAsync(js, words[2], line, (int)length, &of_message));
        }
    }
    end_on("acknowledgments", js_PublishAsyncComplete(js, NULL));
    return 0;
}
