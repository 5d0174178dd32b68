using System.Diagnostics;

namespace Ganymede.Tests;

/// <summary>What the Dockerfile copies from the repository, as far as it can be told without building the image.</summary>
public sealed class ImageTests
{
    private static readonly string[] _copies =
    [
        .. File.ReadLines(Repository.File("deploy", "docker", "Dockerfile")).Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from=", StringComparison.Ordinal))
            .SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..^1].Where(word => !word.StartsWith("--", StringComparison.Ordinal))),
    ];

    [Fact]
    public void Every_file_that_is_copied_is_in_the_repository()
    {
        Assert.SkipUnless(Path.Exists(Repository.File(".git")), "not a git checkout");
        var kept = Git("ls-files", "-z").Split('\0', StringSplitOptions.RemoveEmptyEntries);

        Assert.All(_copies, source => Assert.Contains(kept, file => file == source || file.StartsWith(source + "/", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_file_that_is_copied_is_sent_to_the_builder()
    {
        var sent = File.ReadAllLines(Repository.File(".dockerignore")).Where(line => line.StartsWith('!')).Select(line => line[1..]).ToArray();

        Assert.All(_copies, source => Assert.Contains(sent, path => source == path || source.StartsWith(path + "/", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_project_of_the_programs_is_there_when_packages_are_restored()
    {
        var projects = Directory.EnumerateFiles(Repository.File("src"), "*.csproj", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Repository.Root, path));

        Assert.All(projects, project => Assert.Contains(project, _copies));
    }

    private static string Git(params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["-c", "safe.directory=*", "-C", Repository.Root, .. arguments]) { RedirectStandardOutput = true })!;
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return output;
    }
}
