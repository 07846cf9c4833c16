//! Record types: their names, and the numbers that a reader writes who does not know a name (`UNKNOWN[1327]`, `type=1400`).
//!
//! Names and numbers are those of the kernel's `include/uapi/linux/audit.h` and of audit-userspace's `lib/audit-records.h`.
//! Not here: what a record of a type means (`deponent::normalise::linux`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::syscalls::numbered_words;

/// The number of a type that is written as one: `1400` or `UNKNOWN[1400]`.
#[inline]
pub(super) fn type_number(text: &str) -> Option<u32> {
    if !text.starts_with(|first: char| first == 'U' || first.is_ascii_digit()) {
        return None;
    }
    written_number(text)
}

fn written_number(text: &str) -> Option<u32> {
    let digits = match text.strip_prefix("UNKNOWN[") {
        Some(rest) => rest.strip_suffix(']')?,
        None => text,
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.len() > 9 {
        return None;
    }
    digits.parse().ok()
}

/// The name of a type: `PROCTITLE` for `UNKNOWN[1327]` and `1327`. Names, and numbers without a name, stay as they are.
#[inline]
pub fn canonical_type(text: &str) -> &str {
    if !text.starts_with(|first: char| first == 'U' || first.is_ascii_digit()) {
        return text;
    }
    match type_number(text) {
        Some(number) => BY_NUMBER.get(&number).copied().unwrap_or(text),
        None => text,
    }
}

/// Whether records of this type (by its name) are messages that a program sent: their text is a daemon's claim, and each has a serial of its own.
pub fn is_user_type(name: &str) -> bool {
    // Nine of ten records are of these.
    if matches!(name, "SYSCALL" | "PATH" | "CWD" | "EXECVE" | "PROCTITLE" | "BPRM_FCAPS" | "SOCKADDR") {
        return false;
    }
    let number = type_number(name).or_else(|| BY_NAME.get(name).copied());
    number.is_some_and(|number| number == 1005 || (1100..1200).contains(&number) || (2100..3000).contains(&number))
}

static BY_NUMBER: LazyLock<BTreeMap<u32, &'static str>> = LazyLock::new(|| numbered_words(NAMES).collect());
static BY_NAME: LazyLock<BTreeMap<&'static str, u32>> =
    LazyLock::new(|| numbered_words(NAMES).map(|(number, name)| (name, number)).collect());

static NAMES: &str = "\
    1000 GET SET LIST ADD DEL USER LOGIN WATCH_INS WATCH_REM WATCH_LIST SIGNAL_INFO ADD_RULE DEL_RULE LIST_RULES \
    TRIM MAKE_EQUIV TTY_GET TTY_SET SET_FEATURE GET_FEATURE 1100 USER_AUTH USER_ACCT USER_MGMT CRED_ACQ CRED_DISP \
    USER_START USER_END USER_AVC USER_CHAUTHTOK USER_ERR CRED_REFR USYS_CONFIG USER_LOGIN USER_LOGOUT ADD_USER \
    DEL_USER ADD_GROUP DEL_GROUP DAC_CHECK CHGRP_ID TEST TRUSTED_APP USER_SELINUX_ERR USER_CMD USER_TTY CHUSER_ID \
    GRP_AUTH SYSTEM_BOOT SYSTEM_SHUTDOWN SYSTEM_RUNLEVEL SERVICE_START SERVICE_STOP GRP_MGMT GRP_CHAUTHTOK \
    MAC_CHECK ACCT_LOCK ACCT_UNLOCK USER_DEVICE SOFTWARE_UPDATE 1200 DAEMON_START DAEMON_END DAEMON_ABORT \
    DAEMON_CONFIG DAEMON_RECONFIG DAEMON_ROTATE DAEMON_RESUME DAEMON_ACCEPT DAEMON_CLOSE DAEMON_ERR 1300 SYSCALL \
    FS_WATCH PATH IPC SOCKETCALL CONFIG_CHANGE SOCKADDR CWD 1309 EXECVE 1311 IPC_SET_PERM MQ_OPEN MQ_SENDRECV \
    MQ_NOTIFY MQ_GETSETATTR KERNEL_OTHER FD_PAIR OBJ_PID TTY EOE BPRM_FCAPS CAPSET MMAP NETFILTER_PKT \
    NETFILTER_CFG SECCOMP PROCTITLE FEATURE_CHANGE REPLACE KERN_MODULE FANOTIFY TIME_INJOFFSET TIME_ADJNTPVAL BPF \
    EVENT_LISTENER URINGOP OPENAT2 DM_CTRL DM_EVENT 1400 AVC SELINUX_ERR AVC_PATH MAC_POLICY_LOAD MAC_STATUS \
    MAC_CONFIG_CHANGE MAC_UNLBL_ALLOW MAC_CIPSOV4_ADD MAC_CIPSOV4_DEL MAC_MAP_ADD MAC_MAP_DEL MAC_IPSEC_ADDSA \
    MAC_IPSEC_DELSA MAC_IPSEC_ADDSPD MAC_IPSEC_DELSPD MAC_IPSEC_EVENT MAC_UNLBL_STCADD MAC_UNLBL_STCDEL \
    MAC_CALIPSO_ADD MAC_CALIPSO_DEL IPE_ACCESS IPE_CONFIG_CHANGE IPE_POLICY_LOAD LANDLOCK_ACCESS LANDLOCK_DOMAIN \
    1500 AA APPARMOR_AUDIT APPARMOR_ALLOWED APPARMOR_DENIED APPARMOR_HINT APPARMOR_STATUS APPARMOR_ERROR \
    APPARMOR_KILL 1700 ANOM_PROMISCUOUS ANOM_ABEND ANOM_LINK ANOM_CREAT 1800 INTEGRITY_DATA INTEGRITY_METADATA \
    INTEGRITY_STATUS INTEGRITY_HASH INTEGRITY_PCR INTEGRITY_RULE INTEGRITY_EVM_XATTR INTEGRITY_POLICY_RULE 2000 \
    KERNEL 2100 ANOM_LOGIN_FAILURES ANOM_LOGIN_TIME ANOM_LOGIN_SESSIONS ANOM_LOGIN_ACCT ANOM_LOGIN_LOCATION \
    ANOM_MAX_DAC ANOM_MAX_MAC ANOM_AMTU_FAIL ANOM_RBAC_FAIL ANOM_RBAC_INTEGRITY_FAIL ANOM_CRYPTO_FAIL \
    ANOM_ACCESS_FS ANOM_EXEC ANOM_MK_EXEC ANOM_ADD_ACCT ANOM_DEL_ACCT ANOM_MOD_ACCT ANOM_ROOT_TRANS \
    ANOM_LOGIN_SERVICE 2200 RESP_ANOMALY RESP_ALERT RESP_KILL_PROC RESP_TERM_ACCESS RESP_ACCT_REMOTE \
    RESP_ACCT_LOCK_TIMED RESP_ACCT_UNLOCK_TIMED RESP_ACCT_LOCK RESP_TERM_LOCK RESP_SEBOOL RESP_EXEC RESP_SINGLE \
    RESP_HALT RESP_ORIGIN_BLOCK RESP_ORIGIN_BLOCK_TIMED 2300 USER_ROLE_CHANGE ROLE_ASSIGN ROLE_REMOVE \
    LABEL_OVERRIDE LABEL_LEVEL_CHANGE USER_LABELED_EXPORT USER_UNLABELED_EXPORT DEV_ALLOC DEV_DEALLOC FS_RELABEL \
    USER_MAC_POLICY_LOAD ROLE_MODIFY USER_MAC_CONFIG_CHANGE USER_MAC_STATUS 2400 CRYPTO_TEST_USER \
    CRYPTO_PARAM_CHANGE_USER CRYPTO_LOGIN CRYPTO_LOGOUT CRYPTO_KEY_USER CRYPTO_FAILURE_USER CRYPTO_REPLAY_USER \
    CRYPTO_SESSION CRYPTO_IKE_SA CRYPTO_IPSEC_SA 2500 VIRT_CONTROL VIRT_RESOURCE VIRT_MACHINE_ID \
    VIRT_INTEGRITY_CHECK VIRT_CREATE VIRT_DESTROY VIRT_MIGRATE_IN VIRT_MIGRATE_OUT";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_names() {
        for (text, name) in [
            ("SYSCALL", "SYSCALL"),
            ("UNKNOWN[1327]", "PROCTITLE"),
            ("1400", "AVC"),
            ("UNKNOWN[1999]", "UNKNOWN[1999]"),
            ("UNKNOWN[x]", "UNKNOWN[x]"),
            ("1334", "BPF"),
            ("2404", "CRYPTO_KEY_USER"),
        ] {
            assert_eq!(canonical_type(text), name);
        }
        for (name, user) in
            [("USER_CMD", true), ("SERVICE_START", true), ("UNKNOWN[1112]", true), ("LOGIN", false), ("SYSCALL", false)]
        {
            assert_eq!(is_user_type(name), user, "{name}");
        }
    }
}
