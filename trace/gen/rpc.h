/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GEN_RPC_H
#define GEN_RPC_H

/* Print docs/rpc.schema.json. */
void rpc_schema(void);

#endif /* GEN_RPC_H */
