//! The cryptography of the Kerberos encryption types 17, 18, 19, 20 and 23.
