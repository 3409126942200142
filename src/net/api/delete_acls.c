/* delete_acls.c -- DeleteAcls: each filter is refused, since no authorizer has rules (KIP-11). */
#include "acls.h"

void api_delete_acls(struct shard *shard, struct request *request)
{
    struct delete_acls_request body;
    struct delete_acls_response response;
    (void)shard;
    if (!request_read(request, &body))
        return;
    delete_acls_response_init(&response);
    response.filter_results_count = body.filters_count;
    response.filter_results = delete_acls_response_result_new(&request->arena, body.filters_count);
    for (uint32_t i = 0; i < body.filters_count; i++) {
        response.filter_results[i].error_code = ERR_SECURITY_DISABLED;
        response.filter_results[i].error_message = ACLS_DISABLED;
    }
    request_reply(request, &response);
}
