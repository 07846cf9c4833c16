//! An event is a function of the set of its records: order and repetition change nothing, and nothing panics.

use proptest::prelude::*;

use super::tests::of;

const LINES: &[&str] = &[
    "type=SYSCALL msg=audit(1.002:3): arch=c000003e syscall=59 success=yes exit=0 a0=1 pid=1 auid=5 uid=0 comm=\"x\" key=\"k\"",
    "type=SYSCALL msg=audit(1.002:3): arch=c000003e syscall=59 success=yes exit=0 a0=1 pid=1 auid=5 uid=0 comm=\"x\" key=\"k\"\x1dAUID=\"a\" UID=\"root\"",
    "node=n type=SYSCALL msg=audit(1.002:3): arch=c000003e syscall=59 success=yes exit=0 a0=1 pid=1 auid=5 uid=0 comm=\"x\" key=\"k\"\x1dAUID=\"b\"",
    "type=SYSCALL msg=audit(1.002:3): arch=c000003e syscall=59 success=yes exit=0 a0=1 pid=1 auid=6 uid=0 comm=\"x\" key=\"k\"",
    "type=PATH msg=audit(1.002:3): item=0 name=\"a\" inode=1 dev=fe:00 nametype=DELETE",
    "type=PATH msg=audit(1.002:3): item=1 name=\"b\" inode=1 dev=fe:00 nametype=CREATE\x1dOUID=\"root\"",
    "type=PATH msg=audit(1.002:3): item=1 name=\"c\" inode=1 dev=fe:00 nametype=CREATE",
    "type=PATH msg=audit(1.002:3): name=\"d\"",
    "type=PATH msg=audit(1.002:3): name=\"e\"",
    "type=CWD msg=audit(1.002:3): cwd=\"/w\"",
    "type=CWD msg=audit(1.002:3): cwd=\"/v\"",
    "type=UNKNOWN[1307] msg=audit(1.002:3): cwd=\"/w\"",
    "type=EXECVE msg=audit(1.002:3): argc=3 a0=\"x\" a1_len=4 a1[0]=61",
    "type=EXECVE msg=audit(1.002:3): a1[1]=62 a2=FF",
    "type=EXECVE msg=audit(1.002:3): a1[1]=63",
    "type=PROCTITLE msg=audit(1.002:3): proctitle=61",
    "type=LOGIN msg=audit(1.002:3): pid=1 uid=0 auid=7 res=1",
    "type=CONFIG_CHANGE msg=audit(1.002:3): op=set audit_enabled=0 auid=5 res=0",
    "type=USER_LOGIN msg=audit(1.002:3): pid=1 uid=0 auid=5 msg='op=login acct=\"z\" res=failed'",
    "type=USER_AUTH msg=audit(1.002:3): pid=2 uid=0 auid=5 msg='op=login acct=\"z\" res=success'",
    "type=AVC msg=audit(1.002:3): avc:  denied  { read } for  pid=1 name=\"q\"",
    "type=OBJ_PID msg=audit(1.002:3): opid=1 oauid=5 ocomm=\"q\"\x1dOAUID=\"zz\"",
    "type=SOCKADDR msg=audit(1.002:3): saddr=020001BB0A000001",
    "type=SYSC\\\nALL msg=audit(1.002:3): arch=c000003e",
    "type=CWD msg=audit(1.02:3): cwd=\"/w\"",
    "not a record",
];

proptest! {
    #[test]
    fn order_and_repetition_change_nothing(chosen in proptest::sample::subsequence(LINES, 1..10), order in any::<u64>(), again in 0usize..10) {
        let lines: Vec<&[u8]> = chosen.iter().map(|line| line.as_bytes()).collect();
        let event = of(&lines);
        let mut mixed = lines.clone();
        mixed.push(lines[again % lines.len()]);
        let mut state = order | 1;
        for at in (1..mixed.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            mixed.swap(at, (state >> 33) as usize % (at + 1));
        }
        prop_assert_eq!(event, of(&mixed));
    }

    #[test]
    fn arbitrary_bodies_never_panic(bodies in proptest::collection::vec((0usize..8, proptest::collection::vec(any::<u8>(), 0..120)), 0..6)) {
        let types = ["SYSCALL", "EXECVE", "PATH", "SOCKADDR", "USER_LOGIN", "AVC", "CWD", "CONFIG_CHANGE"];
        let lines: Vec<Vec<u8>> = bodies.into_iter().map(|(at, body)| {
            let mut line = format!("type={} msg=audit(1.002:3): ", types[at]).into_bytes();
            line.extend(body);
            line
        }).collect();
        let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        let _ = of(&lines);
        for line in lines {
            let _ = super::fields(line);
        }
    }

    #[test]
    fn mixed_words_never_panic(words in proptest::collection::vec(prop_oneof![
        Just("argc=9"), Just("a0=\"x\""), Just("a1[0]=61"), Just("a1_len=9"), Just("item=1"), Just("name=6"), Just("auid=5"), Just("auid=-1"),
        Just("saddr=0A00"), Just("arch=c000003e"), Just("syscall=59"), Just("success=no"), Just("exit=-13"), Just("msg='"), Just("'"), Just("\x1d"),
        Just("AUID=\"x\""), Just("key=01"), Just("op=a b"), Just("old auid=1"), Just("a99999999999=1"),
    ], 0..20), kind in 0usize..4) {
        let types = ["SYSCALL", "EXECVE", "PATH", "USER_LOGIN"];
        let line = format!("type={} msg=audit(1.002:3): {}", types[kind], words.join(" "));
        let _ = of(&[line.as_bytes()]);
    }
}
