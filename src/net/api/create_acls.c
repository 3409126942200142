/* create_acls.c -- CreateAcls: rules are refused, since no authorizer goes by them (KIP-11). */
#include "acls.h"

void api_create_acls(struct shard *shard, struct request *request)
{
    struct create_acls_request body;
    struct create_acls_response response;
    (void)shard;
    if (!request_read(request, &body))
        return;
    create_acls_response_init(&response);
    response.results_count = body.creations_count;
    response.results = create_acls_response_result_new(&request->arena, body.creations_count);
    for (uint32_t i = 0; i < body.creations_count; i++) {
        response.results[i].error_code = ERR_SECURITY_DISABLED;
        response.results[i].error_message = ACLS_DISABLED;
    }
    request_reply(request, &response);
}
