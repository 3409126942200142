/* acls.h -- what the three APIs of access rules say while there is no authorizer. */
#ifndef NET_API_ACLS_H
#define NET_API_ACLS_H

#include "api.h"

/* Short: it is said once for each rule of a request. */
#define ACLS_DISABLED STR("No authorizer is configured.")

#endif
