"""Prints a token for the contact that is named: ORQ_TOKEN_SECRET=… python3 mint.py user_1. Needs PyJWT."""

import os
import sys
import time

import jwt


def orq_token(user_id: str) -> str:
    now = int(time.time())
    claims = {"sub": user_id, "aud": "orq-identify", "iat": now, "exp": now + 300}
    headers = {"typ": "orq-identify+jwt", "kid": "default"}
    return jwt.encode(claims, os.environ["ORQ_TOKEN_SECRET"], algorithm="HS256", headers=headers)


print(orq_token(sys.argv[1]))
