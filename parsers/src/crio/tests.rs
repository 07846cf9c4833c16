//! Lines of CRI-O of several versions, and lines of other runtimes.

use super::*;
use proptest::prelude::*;

const ID: &str = "337b3f3c6d63749cd0091d92e825729e9f818f74c626d58fe72978d0c2ea3320";
const REQUEST: &str = "id=0be966e9-f64f-4a1c-b5f0-3a1d2b9d5c11 name=/runtime.v1.RuntimeService/RunPodSandbox";

#[test]
fn whose_log_it_is() {
    let check = |rest: &str, expected: bool| {
        for time in ["2026-11-23 20:57:50.933547097Z", "2026-11-23T20:57:50.933547097+01:00"] {
            let line = format!("time=\"{time}\" level=info {}", rest.replace("@", ID).replace("REQUEST", REQUEST));
            assert_eq!(is_log(line.as_bytes()), expected, "{line}");
        }
    };
    check(r#"msg="Ran pod sandbox @ with infra container: shop/web/POD" REQUEST"#, true);
    check(r#"msg="Ran pod sandbox @ with infra container: shop/web/POD""#, true);
    check(r#"msg="Created container @: shop/web/app""#, true);
    check(r#"msg="Started container" PID=133675 containerID=@ description=shop/web/app sandboxID=@"#, true);
    check(r#"msg="Stopped pod sandbox: @""#, true);
    check(r#"msg="Checking image status: docker.io/library/alpine:3" REQUEST"#, true);
    check(r#"msg="Starting CRI-O, version: 1.28.0, git: x(clean)""#, true);
    check(r#"msg="RunPodSandbox for &PodSandboxMetadata{Name:web,}""#, false);
    check(r#"msg="Started container" containerID=@"#, false);
    check(r#"msg="Created container abc: shop/web/app""#, false);
    check(r#"msg="Created container @""#, false);
    check(&format!("msg=\"Created container {}: shop/web/app\"", "g".repeat(64)), false);
    check(r#"msg="Stopped pod sandbox: @ x""#, false);
    check(r#"msg=x id=1 name=/runtime.v1.RuntimeService/RunPodSandbox"#, false);
    check(r#"msg=x id=0be966e9-f64f-4a1c-b5f0-3a1d2b9d5c11 name=/x/runtime.v1."#, false);
    check(r#"msg="x REQUEST""#, false);
    assert!(!is_log(format!("Stopped pod sandbox: {ID}").as_bytes()));
    assert!(!is_log(b"\xff"));
}

#[test]
fn its_times_are_read() {
    let check = |time: &str, nanos: i64, digits: u8| {
        let line = format!("time=\"{time}\" level=info msg=x {REQUEST}");
        let read = containerd::line(line.as_bytes()).unwrap().time;
        assert_eq!((read.nanos, read.digits), (nanos, digits), "{time}");
        assert!(containerd::is_line(line.as_bytes()), "{time}");
    };
    check("2026-11-23 20:57:50.933547097Z", 1_795_467_470_933_547_097, 9);
    check("2026-11-23 20:57:50.933547097+00:00", 1_795_467_470_933_547_097, 9);
    check("2026-11-23 21:57:50.5+01:00", 1_795_467_470_500_000_000, 1);
    check("2026-11-23T20:57:50.01422600Z", 1_795_467_470_014_226_000, 8);
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[ =\"\\\\a-f0-9-]{0,80}") {
        let line = format!("time=\"2026-11-23 20:57:50Z\" level=info msg=\"Ran pod sandbox {text}");
        let _ = (is_log(&bytes), is_log(line.as_bytes()));
    }
}
