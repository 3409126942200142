/* describe_acls.c -- DescribeAcls: there is no authorizer, so there are no rules to tell of.
 *
 * Kafka without one answers the same; clients take the range of this API for a sign of how new a
 * broker is (KIP-11, 290). */
#include "acls.h"

void api_describe_acls(struct shard *shard, struct request *request)
{
    struct describe_acls_request body;
    struct describe_acls_response response;
    (void)shard;
    if (!request_read(request, &body))
        return;
    describe_acls_response_init(&response);
    response.error_code = ERR_SECURITY_DISABLED;
    response.error_message = ACLS_DISABLED;
    request_reply(request, &response);
}
