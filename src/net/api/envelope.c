/* envelope.c -- Envelope: another node's client asks the controller (KIP-590). */
#include "api.h"

void api_envelope(struct shard *shard, struct request *request)
{
    struct envelope_request body;
    struct envelope_response response;
    (void)shard;
    if (!request_read(request, &body))
        return;
    if (request_begin_inside(request, body.request_data))
        return;
    envelope_response_init(&response);
    response.error_code = ERR_INVALID_REQUEST;
    request_reply(request, &response);
}
